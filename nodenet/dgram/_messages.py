"""Messages as an asynchronous iterator.

Invariant: at most `limit` messages and errors wait; the listeners are there exactly until the
iteration has ended. They hold the queue, never the iterator: a loop left by ``break`` drops the
iterator, and with it the listeners.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, Self

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from types import TracebackType

    from nodenet.events import EventEmitter
    from nodenet.loop import Poller

LIMIT: Final = 1024
"""Messages that wait for an iteration, unless the user sets another limit."""

_log = Logger(namespace="nodenet")

Message = tuple[bytes, Any]


class Messages(AsyncIterator[Message]):
    """What ``async for msg, rinfo in socket`` and `Socket.messages` iterate over.

    It ends when the socket is closed. An ``'error'`` is raised once what came before it has been
    taken; the iteration can go on behind it. ``async with`` ends it too.

    Attributes:
        dropped: How many messages and errors were dropped because nobody took those that waited.
            The first of them is also logged as a warning.
    """

    def __init__(self, emitter: EventEmitter, poller: Poller, limit: int, ended: bool) -> None:
        self._queue = _Queue(emitter, poller, limit)
        if ended:
            self._queue.end()

    @property
    def dropped(self) -> int:
        """See above."""
        return self._queue.dropped

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Deferred[Message]:
        return self._queue.next()

    async def aclose(self) -> None:
        """End the iteration; what waits can still be taken."""
        self._queue.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._queue.end()

    def __del__(self) -> None:
        self._queue.end()

    def __repr__(self) -> str:
        queue = self._queue
        return f"<{type(self).__name__} {len(queue.waiting)} waiting, {queue.dropped} dropped>"


class _Queue:
    """What has come and was not taken, or who waits for something to come."""

    def __init__(self, emitter: EventEmitter, poller: Poller, limit: int) -> None:
        self.waiting: deque[Message | BaseException] = deque()
        self.dropped = 0
        self._takers: deque[Deferred[Message]] = deque()
        self._emitter = emitter
        self._poller = poller
        self._limit = limit
        self._listeners: dict[str, Callable[..., object]] = {
            "message": lambda msg, rinfo: self._put((msg, rinfo)),
            "error": self._put,
            "close": self.end,
        }
        self._ended = False
        for name, listener in self._listeners.items():
            emitter.on(name, listener)

    def next(self) -> Deferred[Message]:
        taker: Deferred[Message] = Deferred(self._canceled)
        if self.waiting:
            self._settle(taker, self.waiting.popleft())
        elif self._ended:
            self._settle(taker, StopAsyncIteration())
        else:
            self._takers.append(taker)
        return taker

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            for name, listener in self._listeners.items():
                self._emitter.removeListener(name, listener)
            while self._takers:
                self._settle(self._takers.popleft(), StopAsyncIteration())

    def _put(self, item: Message | BaseException) -> None:
        if self._takers:
            self._settle(self._takers.popleft(), item)
        elif len(self.waiting) < self._limit:
            self.waiting.append(item)
        else:
            self._drop()

    def _drop(self) -> None:
        if not self.dropped:
            _log.warn(
                "{emitter!r}: {limit} messages wait for an iteration, others are dropped",
                emitter=self._emitter,
                limit=self._limit,
            )
        self.dropped += 1

    def _canceled(self, taker: Deferred[Message]) -> None:
        if taker in self._takers:  # otherwise it is about to get something: see `_give`
            self._takers.remove(taker)

    def _settle(self, taker: Deferred[Message], item: Message | BaseException) -> None:
        self._poller.queueMicrotask(self._give, taker, item)

    def _give(self, taker: Deferred[Message], item: Message | BaseException) -> None:
        if taker.called:  # cancelled meanwhile
            if self._takers:
                self._settle(self._takers.popleft(), item)
            else:
                self.waiting.appendleft(item)
        elif isinstance(item, BaseException):
            taker.errback(Failure(item))
        else:
            taker.callback(item)
