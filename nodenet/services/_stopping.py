"""The end of a service: what is open gets to finish, for so long and no longer.

Law: `done` fires once, and nothing of the service is open then; but for a port of somebody else's
that does not close.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet.loop import Poller
from nodenet.services._listener import Listener
from nodenet.services._quiet import LOOK_EVERY, Figures, Looks

_log = Logger(namespace="nodenet")


class Stopping:
    """Stops `listeners`; their connections have `grace` seconds.

    Attributes:
        done: Fires when all is closed.
    """

    def __init__(self, poller: Poller, listeners: Sequence[Listener], grace: float) -> None:
        self.done: Deferred[None] = Deferred()
        self._poller = poller
        self._listeners = listeners
        self._grace = grace
        self._deadline = poller.seconds() + grace
        self._looks: Looks[tuple[Listener, Hashable]] = Looks()
        self._next: IDelayedCall | None = None
        self._stops = DeferredList([maybeDeferred(one.stop).addErrback(_say) for one in listeners])
        self._said = False
        self._look()

    def hurry(self) -> None:
        """Wait no longer."""
        if self._next is not None and self._next.active():
            self._next.cancel()
            self._deadline = self._poller.seconds()
            self._look()

    def _look(self) -> None:
        figures = self._figures()
        if self._poller.seconds() >= self._deadline:
            self._cut_off(sum(bool(one.buffered) for one in figures.values()))
        else:
            self._finish(figures)
        if self._figures():
            self._next = self._poller.callLater(LOOK_EVERY, self._look)
        else:
            left = max(LOOK_EVERY, self._deadline - self._poller.seconds())
            self._next = self._poller.callLater(left, self._closed)
            self._stops.addCallback(self._closed)

    def _closed(self, _: object = None) -> None:
        """Nothing is open, or only a port of somebody else's that never says that it is closed."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        if not self.done.called:
            self.done.callback(None)

    def _finish(self, figures: dict[tuple[Listener, Hashable], Figures]) -> None:
        finished = self._looks.look(figures)
        for listener, connection in finished:
            listener.finish(connection)
        busy = len(figures) - len(finished)
        if self._next is not None and busy and not self._said:
            self._said = True
            _log.info("{count} get {grace} s to finish", count=busy, grace=f"{self._grace:g}")

    def _cut_off(self, count: int) -> None:
        if count:
            _log.info("cut off what had not finished: {count}", count=count)
        # The close events come in ticks; they are due before the next look.
        for listener in self._listeners:
            self._poller.ticks.call(self, listener.destroy)

    def _figures(self) -> dict[tuple[Listener, Hashable], Figures]:
        return {
            (listener, connection): figures
            for listener in self._listeners
            for connection, figures in listener.figures().items()
        }


def _say(failure: Failure) -> None:
    _log.failure("while a port was closed", failure)
