"""`on`: events as an asynchronous iterator.

Invariant: events wait in `_Subscription` only while nobody waits for one, and its listeners are
there exactly until it has ended, which an error, an event of `close` or the iterator's own end
brings about. The listeners hold the subscription, never the iterator: a loop that is left by
``break`` drops the iterator and with it the listeners, as Node does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Annotated, Any, Self, TypedDict, Unpack

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.errors import ERR_INVALID_ARG_TYPE, AbortError
from nodenet.events.listeners import EventName, Listener
from nodenet.events.sources import (
    Disposable,
    Signal,
    Source,
    addAbortListener,
    listen,
    pollerFor,
    unlisten,
)
from nodenet.events.waiting import asFailure, settle
from nodenet.options import Option, checkAbortSignal, checkArray, checkInteger, resolve

_SAFE = 2**53 - 1
_MARK = partial(checkInteger, minimum=1)


class OnOptions(TypedDict, total=False):
    """Options of `on`."""

    signal: Annotated[
        Signal, Option(check=checkAbortSignal, doc="Ends the iteration when it is aborted.")
    ]
    close: Annotated[
        Sequence[EventName],
        Option(default=(), check=checkArray, doc="Names of events that end the iteration."),
    ]
    highWaterMark: Annotated[
        int,
        Option(
            default=_SAFE,
            check=_MARK,
            doc="The emitter is paused when more events than this wait; it needs `pause()`.",
        ),
    ]
    lowWaterMark: Annotated[
        int,
        Option(
            default=1,
            check=_MARK,
            doc="The emitter is resumed when fewer events than this wait; it needs `resume()`.",
        ),
    ]


def on(
    emitter: Source,
    name: EventName,
    options: Mapping[str, Any] | None = None,
    **keywords: Unpack[OnOptions],
) -> EventIterator:
    """Iterate over the events of one name (Node: events.on).

    ::

        async for chunk, sender in on(socket, "message"):
            ...

    Args:
        emitter: An `EventEmitter` or a signal.
        name: The event.
        options: The keywords as a mapping.
        keywords: ``signal``, an `AbortSignal`; ``close``, a list of events that end the
            iteration; ``highWaterMark`` and ``lowWaterMark``, how many waiting events pause and
            resume the emitter (1 or more).

    Returns:
        An iterator of what listeners are called with. Events are kept for it from now on. It
        ends with the exception of an ``'error'``, once what came before has been taken, and with
        `AbortError` when the signal is aborted.

    Raises:
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.
        ERR_OUT_OF_RANGE: A mark is less than 1 or no integer.
        AbortError: The signal is aborted already.
    """
    settings = resolve(OnOptions, options, keywords)
    signal: Signal | None = settings["signal"]
    if signal is not None and signal.aborted:
        raise AbortError(cause=signal.reason)
    marks = (settings["highWaterMark"], settings["lowWaterMark"])
    subscription = _Subscription(emitter, marks)
    subscription.begin(name, settings["close"], signal)
    return EventIterator(subscription)


class EventIterator(AsyncIterator[tuple[Any, ...]]):
    """What `on` returns; also an ``async with`` block that ends the iteration."""

    def __init__(self, subscription: _Subscription) -> None:
        self._subscription = subscription

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Deferred[tuple[Any, ...]]:
        return self._subscription.next(self)

    def aclose(self) -> Deferred[None]:
        """End the iteration (Node: ``return()``); what waits can still be taken.

        Returns:
            A Deferred that fires when it is done.
        """
        self._subscription.end()
        done: Deferred[None] = Deferred()
        self._subscription.poller.queueMicrotask(settle, done, None)
        return done

    def throw(self, error: BaseException) -> None:
        """End the iteration with an exception, as if it had come with an ``'error'``.

        Args:
            error: What the iteration fails with once what waits has been taken.

        Raises:
            ERR_INVALID_ARG_TYPE: `error` is no exception.
        """
        if not isinstance(error, BaseException):
            raise ERR_INVALID_ARG_TYPE("EventEmitter.AsyncIterator", "Error", error)
        self._subscription.fail(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._subscription.end()

    def __del__(self) -> None:
        self._subscription.end()


class _Subscription:
    """The listeners of one `on`, the events that wait, and those who wait for events."""

    def __init__(self, source: Source, marks: tuple[int, int]) -> None:
        self.poller = pollerFor(source)
        self._source: Any = source
        self._high, self._low = marks
        self._paused = False
        self._ended = False
        self._error: Failure | None = None
        self._events: deque[tuple[Any, ...]] = deque()
        # Whoever waits keeps the iterator, which nobody else may have.
        self._waiting: deque[tuple[Deferred[Any], EventIterator]] = deque()
        self._listeners: list[tuple[EventName, Listener]] = []
        self._abortion: Disposable | None = None

    def begin(self, name: EventName, close: Sequence[EventName], signal: Signal | None) -> None:
        self._listen(name, self._happened)
        if name != "error" and callable(getattr(self._source, "on", None)):
            self._listen("error", self.fail)
        for each in close:
            self._listen(each, self._closed)
        if signal is not None:

            def abort(event: object) -> None:
                self.fail(AbortError(cause=signal.reason))

            self._abortion = addAbortListener(signal, abort)

    def next(self, iterator: EventIterator) -> Deferred[Any]:
        """Return a Deferred of the next event, or of the end."""
        deferred: Deferred[Any] = Deferred(self._forget)
        if self._events:
            self._settle(deferred, self._events.popleft())
            if self._paused and len(self._events) < self._low:
                self._paused = False
                self._source.resume()
        elif self._error is not None:
            self._settle(deferred, self._error)
            self._error = None
        elif self._ended:
            self._settle(deferred, Failure(StopAsyncIteration()))
        else:
            self._waiting.append((deferred, iterator))
        return deferred

    def fail(self, error: Any = None) -> None:
        """End with an error, after the events that wait."""
        failure = asFailure(error)
        if self._waiting:
            self._settle_first(failure)
        else:
            self._error = failure
        self.end()

    def end(self) -> None:
        """End: whoever waits is told that there is nothing more."""
        if not self._ended:
            self._ended = True
            if self._abortion is not None:
                self._abortion.dispose()
            while self._listeners:
                unlisten(self._source, *self._listeners.pop())
        while self._waiting:
            self._settle_first(Failure(StopAsyncIteration()))

    def _listen(self, name: EventName, listener: Listener) -> None:
        listen(self._source, name, listener)
        self._listeners.append((name, listener))

    def _happened(self, *args: Any) -> None:
        if self._waiting:
            self._settle_first(args)
            return
        self._events.append(args)
        if not self._paused and len(self._events) > self._high:
            self._paused = True
            self._source.pause()

    def _closed(self, *args: Any) -> None:
        self.end()

    def _forget(self, cancelled: Deferred[Any]) -> None:
        self._waiting = deque(wait for wait in self._waiting if wait[0] is not cancelled)

    def _settle_first(self, result: object) -> None:
        deferred, _ = self._waiting.popleft()
        self._settle(deferred, result)

    def _settle(self, deferred: Deferred[Any], result: object) -> None:
        self.poller.queueMicrotask(settle, deferred, result)
