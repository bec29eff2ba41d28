"""What can be read: `Readable`, as its users and its subclasses see it.

Law: nothing is decided here; `nodenet.streams._reading` is the machinery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_METHOD_NOT_IMPLEMENTED
from nodenet.events import Event, EventName, Listener
from nodenet.events.symbols import MISSING
from nodenet.loop import pollerOf
from nodenet.options import resolve
from nodenet.streams._common import CommonStream
from nodenet.streams._options import ReadableOptions, getDefaultHighWaterMark
from nodenet.streams._reading import ReadingHalf, wholeNumber
from nodenet.streams.encodings import BytesLike, Decoder
from nodenet.streams.iteration import ChunkIterator
from nodenet.streams.pipe import Pipe, unpipe
from nodenet.streams.stream import DOOMED, EMITTED
from nodenet.streams.writable import Writable

_Destination = TypeVar("_Destination", bound=Writable)


class Readable(ReadingHalf, CommonStream):
    """A source of bytes (Node: Class ``stream.Readable``).

    It begins paused. A ``'data'`` listener, `resume()` or `pipe()` make it flow: chunks are emitted
    as they come. A ``'readable'`` listener fetches them with `read()`.

    A subclass has `_read`, which has `push` called, now or later; None pushed is the end.

    Args:
        options: `ReadableOptions` as a mapping.
        reactor: The Twisted reactor; by default the global one.
        keywords: `ReadableOptions` by name; they prevail.

    Raises:
        ERR_INVALID_ARG_TYPE: `signal` is none.
        ERR_INVALID_ARG_VALUE: A high-water mark is not a whole number of 0 or more.
        ERR_UNKNOWN_ENCODING: No such encoding.

    Mirrors: Stream, "Class: stream.Readable".
    """

    __slots__ = ()

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("data", ("chunk: bytes",), "A chunk; text after `setEncoding()`."),
        Event("end", (), "There is no more to read, and all was read."),
        Event("pause", (), "`pause()` was called, and data flowed."),
        Event("readable", (), "There is something to `read()`, or the end has come."),
        Event("resume", (), "Data flows again."),
    )

    # -- construction -----------------------------------------------------------------------------

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        given = resolve(ReadableOptions, options, keywords)
        self._begin(pollerOf(reactor), given["autoDestroy"], given["emitClose"])
        mark = given["highWaterMark"]
        self._begin_reading(
            getDefaultHighWaterMark() if mark is None else mark, given["defaultEncoding"]
        )
        if given["encoding"] is not None:
            self.setEncoding(given["encoding"])
        self._adopt(given)

    # -- operations -------------------------------------------------------------------------------

    def read(self, size: int | None = None) -> bytes | str | None:
        """Take data out of the buffer, and have the source asked for more.

        Args:
            size: How many bytes (characters after `setEncoding()`); by default all there are.

        Returns:
            The data, or None when there is less than `size`; at the end, what is left.

        Raises:
            ERR_OUT_OF_RANGE: `size` is over 1 GiB.

        Mirrors: "readable.read([size])".
        """
        return self._fetch(size if size is None or type(size) is int else wholeNumber(size))

    def pause(self) -> Self:
        """Stop emitting ``'data'``; what comes stays in the buffer.

        Mirrors: "readable.pause()".
        """
        if self._flowing is not False:
            self._flowing = False
            self._direct = None
            self.emit("pause")
        self._paused = True
        return self

    def resume(self) -> Self:
        """Begin, or go on, to emit ``'data'``; without a listener the data is lost.

        It does nothing as long as there is a ``'readable'`` listener.

        Mirrors: "readable.resume()".
        """
        self._resume()
        return self

    def isPaused(self) -> bool:
        """Whether the stream was paused.

        Mirrors: "readable.isPaused()".
        """
        return self._paused or self._flowing is False

    def pipe(self, destination: _Destination, *, end: bool = True) -> _Destination:
        """Write all that is read to `destination`, no faster than it takes it.

        Several destinations get the same, at the pace of the slowest.

        Args:
            destination: Where to.
            end: Whether to end `destination` when this stream ends.

        Returns:
            The destination.

        Raises:
            ERR_INVALID_ARG_TYPE: `destination` is nothing to write to.

        Mirrors: "readable.pipe(destination[, options])".
        """
        if not isinstance(destination, Writable):
            raise ERR_INVALID_ARG_TYPE("destination", "Writable", destination)
        Pipe(self, destination, end).begin()
        return destination

    def unpipe(self, destination: Writable | None = None) -> Self:
        """Undo `pipe()`.

        Args:
            destination: Which one; by default all.

        Mirrors: "readable.unpipe([destination])".
        """
        unpipe(self, destination)
        return self

    def unshift(self, chunk: BytesLike | str | None, encoding: str | None = None) -> bool:
        """Put data back: it is the next to be read. None is the end of the stream.

        Args:
            chunk: The data.
            encoding: Of text; by default UTF-8.

        Returns:
            Whether the buffer has room.

        Raises:
            ERR_UNKNOWN_ENCODING: No such encoding. Other errors are emitted.

        Mirrors: "readable.unshift(chunk[, encoding])".
        """
        return self._put_back(chunk, encoding)

    def iterator(self, *, destroyOnReturn: bool = True) -> ChunkIterator:
        """Iterate over the chunks.

        Args:
            destroyOnReturn: Whether to destroy the stream when the loop is left early. Without it,
                the stream is destroyed by its errors only.

        Mirrors: "readable.iterator([options])".
        """
        return ChunkIterator(self, destroyOnReturn)

    def __aiter__(self) -> ChunkIterator:
        """Iterate over the chunks; leaving the loop early destroys the stream.

        Mirrors: "readable[Symbol.asyncIterator]()".
        """
        return ChunkIterator(self, True)

    # -- tuning -----------------------------------------------------------------------------------

    def setEncoding(self, encoding: str | None = "utf8") -> Self:
        """Have text delivered in place of bytes; what is in the buffer too.

        Args:
            encoding: ``'utf8'``, ``'utf16le'`` (``'ucs2'``), ``'latin1'`` (``'binary'``),
                ``'ascii'``, ``'hex'``, ``'base64'`` or ``'base64url'``.

        Raises:
            ERR_UNKNOWN_ENCODING: No such encoding.

        Mirrors: "readable.setEncoding(encoding)".
        """
        self._decode_with(Decoder("utf8" if encoding is None or encoding == "" else encoding))
        return self

    # -- properties -------------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        """Whether there may be more to read."""
        return self._end < EMITTED and self._life < DOOMED and not self._error_emitted

    @property
    def readableAborted(self) -> bool:
        """Whether the stream was destroyed or failed before ``'end'``."""
        return self._end < EMITTED and (self._life >= DOOMED or self._errored is not None)

    @property
    def readableBuffer(self) -> list[bytes | str]:
        """The chunks that wait to be read."""
        return list(self._chunks or ())

    @property
    def readableDidRead(self) -> bool:
        """Whether ``'data'`` was ever emitted."""
        return self._did_read

    @property
    def readableEncoding(self) -> str | None:
        """The encoding that `setEncoding()` has set."""
        return None if self._decoder is None else self._decoder.encoding

    @property
    def readableEnded(self) -> bool:
        """Whether ``'end'`` was emitted."""
        return self._end >= EMITTED

    @property
    def readableFlowing(self) -> bool | None:
        """Whether ``'data'`` is emitted; None when nobody has said anything yet."""
        return self._flowing

    @property
    def readableHighWaterMark(self) -> int:
        """How many bytes are buffered before the source is told to stop."""
        return self._read_mark

    @property
    def readableLength(self) -> int:
        """How many bytes (characters after `setEncoding()`) wait to be read."""
        return self._buffered

    # -- from subclasses --------------------------------------------------------------------------

    def push(self, chunk: BytesLike | str | None, encoding: str | None = None) -> bool:
        """Hand over a chunk from the source; None when there is no more.

        Args:
            chunk: The data.
            encoding: Of text; by default UTF-8.

        Returns:
            False when the source shall stop until `_read` is called again.

        Raises:
            ERR_UNKNOWN_ENCODING: No such encoding. Other errors are emitted.

        Mirrors: "readable.push(chunk[, encoding])".
        """
        direct = self._direct
        if direct is not None and type(chunk) is bytes and chunk:
            result = direct(chunk)
            if result is not None and result is not True:
                self._returned(result, "data", (chunk,))
            return direct is self._direct or self._has_room()
        return self._push(chunk, encoding)

    def _read(self, size: int) -> None:
        """Have `push()` called, now or later.

        Args:
            size: About how many bytes are wanted.

        Mirrors: "readable._read(size)".
        """
        raise ERR_METHOD_NOT_IMPLEMENTED("_read()")

    # -- private ----------------------------------------------------------------------------------

    def _add(self, name: EventName, listener: Listener, first: bool) -> None:
        super()._add(name, listener, first)
        if first:
            self._direct = None
        else:
            self._listened(name)

    def removeListener(self, name: EventName, listener: Listener) -> Self:
        super().removeListener(name, listener)
        if name == "readable":
            self._poller.nextTick(self._listen_again)
        elif name == "data":
            self._hears = self._hears and "data" in self._events
            self._judge_in()
        return self

    def removeAllListeners(self, name: EventName = MISSING) -> Self:
        super().removeAllListeners(name)
        if name == "readable" or name is MISSING:
            self._poller.nextTick(self._listen_again)
        self._judge_in()
        return self
