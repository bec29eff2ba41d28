"""Iterables as sources: `fromIterable`.

Law: the next item is asked for only when the stream has room; a stream that is destroyed closes its
iterator, and waits for that.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_STREAM_NULL_VALUES
from nodenet.streams.readable import Readable
from nodenet.streams.stream import Callback

_END = object()


def fromIterable(
    iterable: Iterable[Any] | AsyncIterable[Any],
    options: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Readable:
    """Make a Readable of the bytes or texts that an iterable gives.

    Args:
        iterable: A list, a generator, an asynchronous generator …; one that is itself bytes or
            text is one chunk.
        options: `ReadableOptions` as a mapping.
        keywords: `ReadableOptions` by name; they prevail.

    Raises:
        ERR_INVALID_ARG_TYPE: `iterable` is none.

    Mirrors: "stream.Readable.from(iterable[, options])".
    """
    if isinstance(iterable, str | bytes | bytearray | memoryview):
        iterable = [iterable]
    iterator: Iterator[Any] | AsyncIterator[Any]
    if isinstance(iterable, AsyncIterable):
        iterator = aiter(iterable)
    elif isinstance(iterable, Iterable):
        iterator = iter(iterable)
    else:
        raise ERR_INVALID_ARG_TYPE("iterable", ["Iterable"], iterable)
    return _IterableSource(iterator, options, keywords)


class _IterableSource(Readable):
    """Pushes what an iterator gives."""

    def __init__(
        self,
        iterator: Iterator[Any] | AsyncIterator[Any],
        options: Mapping[str, Any] | None,
        keywords: Mapping[str, Any],
    ) -> None:
        super().__init__(options, **keywords)
        self._iterator = iterator
        self._pumping = False
        self._waiting: Deferred[Any] | None = None  # for an item that is not there yet

    def _read(self, size: int) -> None:
        if not self._pumping:
            self._pumping = True
            Deferred.fromCoroutine(self._pump()).addErrback(self._pump_failed)

    def _destroy(self, error: BaseException | None, callback: Callback) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        closing = Deferred.fromCoroutine(self._close())
        closing.addCallbacks(lambda _: callback(error), lambda failure: callback(failure.value))

    async def _pump(self) -> None:
        """Push until there is no more room."""
        more = True
        while more:
            chunk = await self._next()
            if chunk is None:
                raise ERR_STREAM_NULL_VALUES
            more = self.push(None if chunk is _END else chunk)
        self._pumping = False

    async def _next(self) -> Any:
        iterator = self._iterator
        if not isinstance(iterator, AsyncIterator):
            return next(iterator, _END)
        self._waiting = Deferred.fromCoroutine(_awaited(iterator))
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def _pump_failed(self, failure: Failure) -> None:
        self.destroy(failure.value)

    async def _close(self) -> None:
        iterator = self._iterator
        if hasattr(iterator, "aclose"):
            await iterator.aclose()
        elif hasattr(iterator, "close"):
            iterator.close()


async def _awaited(iterator: AsyncIterator[Any]) -> Any:
    return await anext(iterator, _END)
