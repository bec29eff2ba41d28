"""When a stream is over: `finished`, and what is built on it.

Law: a watch speaks once, with None or with an error, and then listens to nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypedDict, overload

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.abort import AbortSignal
from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_STREAM_PREMATURE_CLOSE,
    AbortError,
)
from nodenet.events import addAbortListener
from nodenet.options import Option, checkAbortSignal, checkFunction, checkObject, resolve
from nodenet.streams.stream import (
    ABSENT,
    CLOSED,
    DOOMED,
    EMITTED,
    ENDING,
    FINISHED,
    FLOWS,
    Callback,
    Stream,
)


class FinishedOptions(TypedDict, total=False):
    """Options of `finished`."""

    error: Annotated[bool, Option(default=True, doc="Whether an `'error'` ends it.")]
    readable: Annotated[bool, Option(doc="Wait for the readable half; unless it has none.")]
    writable: Annotated[bool, Option(doc="Wait for the writable half; unless it has none.")]
    signal: Annotated[AbortSignal, Option(check=checkAbortSignal, doc="Ends the waiting.")]
    cleanup: Annotated[
        bool, Option(default=False, doc="Stop listening to the stream when the Deferred fires.")
    ]


@overload
def finished(
    stream: Stream, options: Mapping[str, Any] | None = None, **keywords: Any
) -> Deferred[None]: ...
@overload
def finished(
    stream: Stream,
    options: Mapping[str, Any] | None,
    callback: Callback,
    **keywords: Any,
) -> Callable[[], None]: ...
@overload
def finished(stream: Stream, options: Callback, **keywords: Any) -> Callable[[], None]: ...
def finished(
    stream: Stream,
    options: Mapping[str, Any] | Callback | None = None,
    callback: Callback | None = None,
    **keywords: Any,
) -> Deferred[None] | Callable[[], None]:
    """Wait until a stream has been read to its end and has written all, or has failed.

    Args:
        stream: The stream.
        options: `FinishedOptions` as a mapping; or the callback.
        callback: Called with None, or with the error.
        keywords: `FinishedOptions` by name; they prevail.

    Returns:
        Without a callback, a Deferred; cancelling it ends the waiting. With one, a function that
        ends the waiting: the listeners that are left on the stream are removed.

    Raises:
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.

    Mirrors: "stream.finished(stream[, options], callback)" and "stream.promises.finished".
    """
    if callback is None and callable(options):
        options, callback = None, options
    if options is not None:
        checkObject(options, "options")
    given = resolve(FinishedOptions, options, keywords)  # type: ignore[arg-type]  # a mapping
    if not isinstance(stream, Stream):
        raise ERR_INVALID_ARG_TYPE("stream", ["ReadableStream", "WritableStream", "Stream"], stream)
    if callback is not None:
        return Watch(stream, checkFunction(callback, "callback"), given).stop
    return _deferred(stream, given)


def disposed(stream: Stream, reason: BaseException | None) -> Deferred[None]:
    """Wait for the end of a stream that was destroyed for `reason`, which is no failure."""
    return _deferred(stream, resolve(FinishedOptions, None, {}), reason)


def addAbortSignal(signal: AbortSignal, stream: Stream) -> Stream:
    """Have a stream destroyed when a signal is aborted, with an `AbortError`.

    Args:
        signal: The signal; when it is aborted already, the stream is destroyed now.
        stream: The stream.

    Returns:
        The stream.

    Raises:
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.

    Mirrors: "stream.addAbortSignal(signal, stream)".
    """
    checkAbortSignal(signal, "signal")
    if not isinstance(stream, Stream):
        raise ERR_INVALID_ARG_TYPE("stream", ["ReadableStream", "WritableStream", "Stream"], stream)

    def abort(event: object = None) -> None:
        stream.destroy(AbortError(cause=signal.reason))

    if signal.aborted:
        abort()
    else:
        listening = addAbortListener(signal, abort)
        Watch(stream, lambda error: listening.dispose(), resolve(FinishedOptions, None, {}))
    return stream


def _deferred(
    stream: Stream, given: Mapping[str, Any], excused: BaseException | None = None
) -> Deferred[None]:
    def fire(error: BaseException | None) -> None:
        if given["cleanup"]:
            watch.stop()
        result = None if error is None or error is excused else Failure(error)
        stream._poller.queueMicrotask(_settle, deferred, result)

    deferred: Deferred[None] = Deferred(lambda _: watch.stop())
    watch = Watch(stream, fire, given)
    return deferred


def _settle(deferred: Deferred[None], result: Failure | None) -> None:
    if not deferred.called:
        deferred.callback(result)


class Watch:
    """Listens to a stream until the halves that are asked for are over."""

    def __init__(self, stream: Stream, callback: Callback, given: Mapping[str, Any]) -> None:
        self._stream = stream
        self._callback: Callback | None = callback
        readable, writable = given["readable"], given["writable"]
        self._readable = stream._end != ABSENT if readable is None else bool(readable)
        self._writable = stream._finish != ABSENT if writable is None else bool(writable)
        self._read = isReadableFinished(stream)
        self._written = isWritableFinished(stream)
        self._will_close = (
            stream._auto_destroy
            and stream._emits_close
            and stream._life < CLOSED
            and (stream._end != ABSENT) == self._readable
            and (stream._finish != ABSENT) == self._writable
        )
        self._listen(given["error"])
        self._start_from_here()
        self._signal(given["signal"])

    def stop(self) -> None:
        """Stop listening; the callback is not called any more."""
        self._callback = None
        stream = self._stream
        stream.removeListener("finish", self._finish)
        stream.removeListener("end", self._end)
        stream.removeListener("error", self._done)
        stream.removeListener("close", self._close)

    def _listen(self, errors: bool) -> None:
        stream = self._stream
        stream.on("end", self._end)
        stream.on("finish", self._finish)
        if errors:
            stream.on("error", self._done)
        stream.on("close", self._close)

    def _start_from_here(self) -> None:
        """What the stream has gone through already comes as if it happened in the next tick."""
        stream = self._stream
        if stream._life >= CLOSED:
            stream._poller.nextTick(self._was_closed)
        elif stream._error_emitted:
            if not self._will_close:
                stream._poller.nextTick(self._closed)
        elif self._is_over_already():
            stream._poller.nextTick(self._closed)

    def _is_over_already(self) -> bool:
        stream = self._stream
        written = (self._written or isWritable(stream) is False) and not stream._callbacks_due
        read = self._read or isReadable(stream) is False
        if not self._readable and written and (not self._will_close or isReadable(stream)):
            return True
        return bool(not self._writable and read and (not self._will_close or isWritable(stream)))

    def _signal(self, signal: AbortSignal | None) -> None:
        if signal is None or self._callback is None:
            return

        def abort(event: object = None) -> None:
            callback = self._callback
            self.stop()
            if callback is not None:
                callback(AbortError(cause=signal.reason))

        if signal.aborted:
            self._stream._poller.nextTick(abort)
            return
        listening = addAbortListener(signal, abort)
        inner = self._callback

        def dispose(error: BaseException | None) -> None:
            listening.dispose()
            inner(error)

        self._callback = dispose

    def _done(self, error: BaseException | None = None) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(error)

    def _finish(self) -> None:
        self._written = True
        if self._stream.destroyed:
            self._will_close = False
        if not self._will_close and (not self._readable or self._read):
            self._done()

    def _end(self) -> None:
        self._finish_of_none()
        self._read = True
        if self._stream.destroyed:
            self._will_close = False
        if not self._will_close and (not self._writable or self._written):
            self._done()

    def _finish_of_none(self) -> None:
        """Whoever waits for the writable half of a plain Readable gets its end."""
        if self._writable and not hasattr(self._stream, "writable"):
            self._finish()

    def _closed(self) -> None:
        self._done(self._stream._errored)

    def _close(self, *hadError: bool) -> None:
        self._finish_of_none()
        self._was_closed()

    def _was_closed(self) -> None:
        stream = self._stream
        if stream._errored is not None:
            self._done(stream._errored)
        elif self._is_premature():
            self._done(ERR_STREAM_PREMATURE_CLOSE())
        else:
            self._done()

    def _is_premature(self) -> bool:
        stream = self._stream
        unread = self._readable and not self._read and stream._end != ABSENT
        if unread and not isReadableFinished(stream):
            return True
        return self._writable and not self._written and not isWritableFinished(stream)


def isReadable(stream: Stream) -> bool | None:
    """Whether a stream can be read; None when it has no readable half.

    Mirrors: "stream.isReadable(stream)".
    """
    if not hasattr(stream, "readable"):
        return None
    return bool(stream._life < DOOMED and stream.readable and stream._end < EMITTED)


def isWritable(stream: Stream) -> bool | None:
    """Whether a stream can be written to; None when it has no writable half."""
    if not hasattr(stream, "writable"):
        return None
    return bool(stream._life < DOOMED and stream.writable)


def isReadableFinished(stream: Stream) -> bool:
    """Whether there is a readable half that is over or has only its ``'end'`` before it."""
    if stream._errored is not None or stream._end == ABSENT:
        return False
    return stream._end == EMITTED or (stream._end != FLOWS and not stream._buffered)


def isWritableFinished(stream: Stream) -> bool:
    """Whether there is a writable half that is over or has only its ``'finish'`` before it."""
    if stream._errored is not None or stream._finish == ABSENT:
        return False
    return stream._finish == FINISHED or (stream._finish >= ENDING and not stream._unwritten)
