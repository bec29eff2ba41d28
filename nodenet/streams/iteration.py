"""``async for chunk in stream``.

Law: whoever leaves the loop early destroys the stream, with an `AbortError` that need not be
listened to. Python tells an iterator nothing when a loop is left; it only drops it. So
`ChunkIterator` is what the loop alone holds, and what listens to the stream is a `_Waiter`, which
does not know it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from nodenet.errors import AbortError
from nodenet.streams.finished import finished
from nodenet.streams.stream import EMITTED, FLOWS

if TYPE_CHECKING:
    from nodenet.streams.readable import Readable


class ChunkIterator:
    """The chunks of a stream: all that is in the buffer, each time.

    It ends with the stream; the stream's error is raised, also `ERR_STREAM_PREMATURE_CLOSE`.
    """

    def __init__(self, stream: Readable, destroyOnReturn: bool) -> None:
        self._waiter: _Waiter | None = None
        self._stream = stream
        self._destroys = destroyOnReturn

    def __aiter__(self) -> ChunkIterator:
        return self

    async def __anext__(self) -> bytes | str:
        """The next chunk."""
        waiter = self._waiter
        if waiter is None:
            waiter = self._waiter = _Waiter(self._stream)
        while not waiter.closed:
            chunk = None if self._stream.destroyed else self._stream.read()
            if chunk is not None:
                return chunk
            if waiter.error is not None:
                self._close(True)
                raise waiter.error
            if waiter.over:
                self._close(self._destroys)
                break
            try:
                await waiter.wait()
            except BaseException:
                # Cancelled. The traceback may keep us for long, so this cannot wait for __del__.
                self._close(self._destroys)
                raise
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Leave the loop: destroy the stream, unless `destroyOnReturn` is False."""
        if self._waiter is not None:
            self._close(self._destroys)

    def __del__(self) -> None:
        if self._waiter is not None:
            self._close(self._destroys)

    def _close(self, destroy: bool) -> None:
        waiter = self._waiter
        if waiter is None or waiter.closed:
            return
        stream = self._stream
        if destroy and (waiter.error is not None or stream._auto_destroy):
            waiter.closed = True  # it goes on listening: to the error, until the stream is closed
            is_over = stream._end >= EMITTED and stream._finish != FLOWS
            stream.destroy(None if is_over else AbortError())
        else:
            waiter.close()


class _Waiter:
    """Listens to a stream for an iterator."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._wakes: Deferred[None] | None = None
        self.error: BaseException | None = None
        self.over = False
        self.closed = False
        stream.on("readable", self._wake)
        self._stop = finished(stream, {"writable": False}, self._finished)

    def wait(self) -> Deferred[None]:
        """Fires when something has happened."""
        self._wakes = Deferred(self._cancelled)
        return self._wakes

    def close(self) -> None:
        """Listen no more."""
        self.closed = True
        if not self.over:
            self._leave()

    def _finished(self, error: BaseException | None) -> None:
        self.error = error
        self.over = True
        self._leave()
        self._wake()

    def _leave(self) -> None:
        self._stream.removeListener("readable", self._wake)
        self._stop()

    def _wake(self) -> None:
        wakes, self._wakes = self._wakes, None
        if wakes is not None:
            self._stream._poller.queueMicrotask(wakes.callback, None)

    def _cancelled(self, wakes: Deferred[None]) -> None:
        self._wakes = None
