"""The end of a program: its parts get to finish, for so long and no longer.

Law: `done` fires once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet.loop import Poller
from nodenet.services._parts import Part
from nodenet.services._quiet import LOOK_EVERY

_log = Logger(namespace="nodenet")


class Closing:
    """Closes `parts`, and waits for `pending` as well; `grace` seconds at most.

    Attributes:
        done: Fires when all is closed, or cut off.
    """

    def __init__(
        self,
        poller: Poller,
        parts: Sequence[Part],
        pending: Iterable[Deferred[Any]],
        grace: float,
    ) -> None:
        self.done: Deferred[None] = Deferred()
        self._poller = poller
        self._parts = parts
        self._next = poller.callLater(grace, self._cut_off, ref=False)
        closings = [*(maybeDeferred(part.close) for part in parts), *pending]
        for closing in closings:
            closing.addErrback(_say)
        DeferredList(closings).addCallback(self._closed)

    def hurry(self) -> None:
        """Wait no longer."""
        if self._next.active():
            self._next.reset(0)

    def _closed(self, _: object = None) -> None:
        if self._next.active():
            self._next.cancel()
        if not self.done.called:
            self.done.callback(None)

    def _cut_off(self) -> None:
        count = sum(part.cutOff() for part in self._parts)
        _log.info("cut off what had not finished: {count}", count=count)
        # The close events come in ticks. Nobody waits for a part that does not tell of its end.
        self._next = self._poller.callLater(LOOK_EVERY, self._closed, ref=False)


def _say(failure: Failure) -> None:
    if not failure.check(CancelledError):
        _log.failure("while closing", failure=failure)
