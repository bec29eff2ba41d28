"""Streams in a row: `pipeline`.

Law: when one stream fails, all of them are destroyed; the callback is called once, when the last of
them is over, with the first error that says more than that somebody else has gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Mapping
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Annotated, Any, TypedDict

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.abort import AbortSignal
from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_INVALID_RETURN_VALUE,
    ERR_MISSING_ARGS,
    ERR_STREAM_DESTROYED,
    ERR_STREAM_PREMATURE_CLOSE,
    ERR_STREAM_UNABLE_TO_PIPE,
    AbortError,
)
from nodenet.events import Disposable, addAbortListener
from nodenet.loop import pollerOf
from nodenet.options import Option, checkAbortSignal, resolve
from nodenet.streams.finished import finished, isReadable
from nodenet.streams.iterables import fromIterable
from nodenet.streams.readable import Readable
from nodenet.streams.stream import DOOMED, EMITTED, FLOWS, Callback, Stream
from nodenet.streams.writable import Writable


class PipelineOptions(TypedDict, total=False):
    """Options of `pipeline`."""

    signal: Annotated[
        AbortSignal, Option(check=checkAbortSignal, doc="Destroys all streams when it is aborted.")
    ]
    end: Annotated[
        bool, Option(default=True, doc="End the last stream when the one before it has ended.")
    ]


def pipeline(*streams: Any, **keywords: Any) -> Any:
    """Pipe streams, each to the next, and destroy all of them when one fails.

    Args:
        streams: The streams, at least two, the first one to be read and the others to be written
            to; a list of them will do. Then perhaps `PipelineOptions` as a mapping, and perhaps a
            callback, which is called with None or with the error.

            The first may also be an iterable of chunks. An asynchronous generator function may
            stand for any but the last: it is called with the chunks of the one before. A coroutine
            function may be the last: what it returns is the result.
        keywords: `PipelineOptions` by name; they prevail.

    Returns:
        With a callback, the last stream. Without one, a Deferred; cancelling it destroys the
        streams.

    Raises:
        ERR_MISSING_ARGS: There are less than two streams.
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.
        ERR_INVALID_RETURN_VALUE: A function returned something else.
        ERR_STREAM_UNABLE_TO_PIPE: A stream that is to be written to is destroyed.

    Mirrors: "stream.pipeline(...streams, callback)" and "stream.promises.pipeline".
    """
    row, given, callback = _arguments(streams, keywords)
    if callback is not None:
        return _Pipeline(row, given, callback).begin()
    deferred: Deferred[Any] = Deferred(lambda _: whole.abort(None))

    def fire(error: BaseException | None, value: object = None) -> None:
        whole.poller.queueMicrotask(_settle, deferred, Failure(error) if error else value)

    whole = _Pipeline(row, given, fire)
    whole.begin()
    return deferred


def _settle(deferred: Deferred[Any], result: object) -> None:
    if not deferred.called:
        deferred.callback(result)


def _arguments(
    given: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any], Callback | None]:
    """Sort out the forms in which `pipeline` is called."""
    row = list(given)
    callback = None
    if row and callable(row[-1]) and not _isStage(row[-1]):
        callback = row.pop()
    options = row.pop() if row and isinstance(row[-1], Mapping) else None
    resolved = resolve(PipelineOptions, options, keywords)
    if len(row) == 1 and isinstance(row[0], list | tuple):
        row = list(row[0])
    if len(row) < 2:
        raise ERR_MISSING_ARGS("streams")
    return row, resolved, callback


def _isStage(function: object) -> bool:
    return iscoroutinefunction(function) or isasyncgenfunction(function)


class _Pipeline:
    """One row of streams."""

    def __init__(self, row: list[Any], given: Mapping[str, Any], callback: Callback) -> None:
        self._row = row
        self._ends = given["end"]
        self._signal: AbortSignal | None = given["signal"]
        self._callback = callback
        self._error: BaseException | None = None
        self._value: object = None
        self._left = 0  # the ends of joints that are not over
        self._members: list[_Member] = []
        self._leave_last: list[Callable[[], object]] = []
        self._listening: Disposable | None = None
        pollers = [stage._poller for stage in row if isinstance(stage, Stream)]
        self.poller = pollers[0] if pollers else pollerOf()

    def begin(self) -> Any:
        """Make the joints. Returns the last stream."""
        row = self._row
        last = len(row) - 1
        source: Any = None
        if any(isinstance(stage, Stream) and stage.destroyed for stage in row[1:]):
            raise ERR_STREAM_UNABLE_TO_PIPE
        for index, stage in enumerate(row):
            role = _role(index, last)
            if index == last and iscoroutinefunction(stage):
                self._run(stage(aiter(source)))
                break
            stream = _stream(stage, source, role)
            if index < last or self._ends:
                self._members.append(_Member(stream, index < last, index > 0))
            self._listen(stream, index == last)
            if index and stream is stage:
                self._join(source, stream, index == last)
            source = stream
        self._obey()
        return source

    def abort(self, event: object) -> None:
        """Fail with an `AbortError`, whose cause is the signal's reason."""
        reason = None if self._signal is None else self._signal.reason
        self._settle(AbortError(cause=reason), False)

    def _obey(self) -> None:
        signal = self._signal
        if signal is not None and signal.aborted:
            self.poller.nextTick(self.abort, None)
        elif signal is not None:
            self._listening = addAbortListener(signal, self.abort)

    def _run(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """The last stage is a coroutine: its result is the pipeline's."""
        self._left += 1

        def returned(value: object) -> None:
            self._value = value
            self._over()

        running = Deferred.fromCoroutine(coroutine)
        running.addCallbacks(returned, lambda failure: self._over(failure.value))

    def _listen(self, stream: Stream, is_last: bool) -> None:
        stream.on("error", self._erred)
        if is_last and isReadable(stream):
            self._leave_last.append(lambda: stream.removeListener("error", self._erred))

    def _erred(self, error: BaseException) -> None:
        if not isinstance(error, AbortError | ERR_STREAM_PREMATURE_CLOSE):
            self._settle(error, False)

    def _join(self, source: Readable, destination: Writable, is_last: bool) -> None:
        self._left += 2
        ended = False

        def end() -> None:
            nonlocal ended
            ended = True
            destination.end()

        def close(*hadError: object) -> None:
            if not ended:
                self._settle(ERR_STREAM_PREMATURE_CLOSE(), False)

        destination.on("close", close)
        source.pipe(destination, end=False)
        if self._ends or not is_last:
            if source._end >= EMITTED and source._errored is None:
                source._poller.nextTick(end)
            else:
                source.once("end", end)
        else:
            self._over(None)
        finished(source, {"writable": False}, lambda error: self._source_over(source, error))
        stop = finished(destination, {"readable": False}, self._over)
        if is_last and isReadable(destination):
            self._leave_last.append(stop)

    def _source_over(self, source: Readable, error: BaseException | None) -> None:
        if (
            isinstance(error, ERR_STREAM_PREMATURE_CLOSE)
            and source._end != FLOWS
            and source._errored is None
            and not source._error_emitted
        ):
            # What was read already goes on to the end.
            source.once("end", self._over)
            source.once("error", self._over)
        else:
            self._over(error)

    def _over(self, error: BaseException | None = None) -> None:
        self._left -= 1
        self._settle(error, self._left == 0)

    def _settle(self, error: BaseException | None, final: bool) -> None:
        says_more = self._error is None or isinstance(self._error, ERR_STREAM_PREMATURE_CLOSE)
        if error is not None and says_more:
            self._error = error
        if self._error is None and not final:
            return
        members, self._members = self._members, []
        for member in members:
            member.destroy(self._error)
        if self._listening is not None:
            self._listening.dispose()
        if not final:
            return
        if self._error is None:
            for leave in self._leave_last:
                leave()
        if self._value is None:
            self.poller.nextTick(self._callback, self._error)
        else:
            self.poller.nextTick(self._callback, self._error, self._value)


class _Member:
    """A stream that is destroyed with the others unless it is over."""

    def __init__(self, stream: Stream, reading: bool, writing: bool) -> None:
        self._stream = stream
        self._over = False
        finished(stream, {"readable": reading, "writable": writing}, self._is_over)

    def destroy(self, error: BaseException | None) -> None:
        if self._over:
            return
        self._over = True
        if self._stream._life < DOOMED:
            self._stream.destroy(error or ERR_STREAM_DESTROYED("pipe"))

    def _is_over(self, error: BaseException | None) -> None:
        self._over = error is None


def _role(index: int, last: int) -> str:
    if index == 0:
        return "source"
    return "destination" if index == last else f"transform[{index - 1}]"


def _stream(stage: Any, source: Any, role: str) -> Any:
    """The stream that a stage is or stands for."""
    if isinstance(stage, Stream):
        if isinstance(stage, Readable if role == "source" else Writable):
            return stage
    elif callable(stage) and role != "destination":
        made = stage() if source is None else stage(aiter(source))
        if isinstance(made, AsyncIterable) or (source is None and isinstance(made, Iterable)):
            return fromIterable(made)
        raise ERR_INVALID_RETURN_VALUE("AsyncIterable", role, made)
    elif role == "source" and isinstance(stage, Iterable | AsyncIterable):
        return fromIterable(stage)
    raise ERR_INVALID_ARG_TYPE(role, ["Stream", "Iterable", "AsyncIterable", "function"], stage)
