"""Questions that were asked over a channel, and what comes back.

Law: a question has one outcome, an answer or a failure; what comes when nobody waits for it any
more is closed.
"""

from __future__ import annotations

import errno

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.cluster._acts import Answer, Handle, drop
from nodenet.cluster._frames import Frame
from nodenet.errors import ERR_IPC_CHANNEL_CLOSED, systemError


class QueryFailed(Exception):
    """The other process failed to answer; its own log says why."""


class Questions:
    """Those that have no outcome yet, by the number of their frame."""

    def __init__(self) -> None:
        self._waiting: dict[int, Deferred[Answer]] = {}

    def asked(self, number: int, sent: Deferred[None]) -> Deferred[Answer]:
        """A question was `sent`.

        Returns:
            A Deferred of the answer; it fails with what sending fails with.
        """
        answered: Deferred[Answer] = Deferred(lambda _: self._forget(number))
        self._waiting[number] = answered
        sent.addErrback(lambda failure: self._settle(number, failure))
        return answered

    def answered(self, frame: Frame, handle: Handle | None) -> None:
        """An answer is here, or a failure to give one."""
        if frame.kind == "failed":
            known = type(frame.content) is int and frame.content in errno.errorcode
            error = systemError(frame.content, "sendmsg") if known else QueryFailed()
            outcome: Answer | Failure = Failure(error)
        elif frame.inode is not None and handle is None:
            outcome = Failure(systemError(errno.EMFILE, "recvmsg"))
        else:
            outcome = frame.content, handle
        self._settle(frame.about, outcome)

    def closed(self) -> None:
        """Nothing comes any more."""
        for number in list(self._waiting):
            self._settle(number, Failure(ERR_IPC_CHANNEL_CLOSED()))

    def forget(self) -> None:
        """Let nobody hear any more what becomes of his question."""
        self._waiting.clear()

    def _forget(self, number: int) -> None:
        self._waiting.pop(number, None)

    def _settle(self, number: int | None, outcome: Answer | Failure) -> None:
        question = None if number is None else self._waiting.pop(number, None)
        if question is None:
            if not isinstance(outcome, Failure):
                drop(*outcome)
        elif isinstance(outcome, Failure):
            question.errback(outcome)
        else:
            question.callback(outcome)
