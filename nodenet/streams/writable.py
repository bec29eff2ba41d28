"""What can be written to: `Writable`, as its users and its subclasses see it.

Law: nothing is decided here; `nodenet.streams._writing` is the machinery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_METHOD_NOT_IMPLEMENTED,
    ERR_STREAM_NULL_VALUES,
)
from nodenet.events import Event
from nodenet.loop import pollerOf
from nodenet.options import resolve
from nodenet.streams._common import CommonStream
from nodenet.streams._options import WritableOptions, getDefaultHighWaterMark
from nodenet.streams._source import CHUNK_TYPES
from nodenet.streams._writing import WritingHalf
from nodenet.streams.encodings import BytesLike, encode, encodingNamed
from nodenet.streams.stream import DOOMED, ENDING, FINISHED, FLOWS, OPEN, Callback


class Writable(WritingHalf, CommonStream):
    """Somewhere to write bytes to (Node: Class ``stream.Writable``).

    A subclass has `_write`, which calls back when a chunk is written; perhaps `_writev`, which
    takes all that has waited, and `_final`, which is called before ``'finish'``.

    Args:
        options: `WritableOptions` as a mapping.
        reactor: The Twisted reactor; by default the global one.
        keywords: `WritableOptions` by name; they prevail.

    Raises:
        ERR_INVALID_ARG_TYPE: `signal` is none.
        ERR_INVALID_ARG_VALUE: A high-water mark is not a whole number of 0 or more.
        ERR_UNKNOWN_ENCODING: No such encoding.

    Mirrors: Stream, "Class: stream.Writable".
    """

    __slots__ = ()

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("drain", (), "`write()` had returned False; now there is room again."),
        Event("finish", (), "`end()` was called, and all is written."),
        Event("pipe", ("source: Readable",), "A Readable is piped to this stream."),
        Event("unpipe", ("source: Readable", "info: UnpipeInfo"), "A Readable is piped no longer."),
    )

    # -- construction -----------------------------------------------------------------------------

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        given = resolve(WritableOptions, options, keywords)
        self._begin(pollerOf(reactor), given["autoDestroy"], given["emitClose"])
        mark = given["highWaterMark"]
        self._begin_writing(
            getDefaultHighWaterMark() if mark is None else mark, given["defaultEncoding"]
        )
        self._judge_out()
        self._adopt(given)

    # -- operations -------------------------------------------------------------------------------

    def write(
        self,
        chunk: BytesLike | str,
        encoding: str | Callback | None = None,
        callback: Callback | None = None,
    ) -> bool:
        """Write a chunk.

        Args:
            chunk: The data.
            encoding: Of text, by default UTF-8; or the callback.
            callback: Called with None when the chunk is written, or with the error.

        Returns:
            False when `highWaterMark` bytes wait: better go on at ``'drain'``.

        Raises:
            ERR_STREAM_NULL_VALUES: `chunk` is None.
            ERR_INVALID_ARG_TYPE: `chunk` is neither text nor bytes.
            ERR_UNKNOWN_ENCODING: No such encoding.

        Emits ``'error'``: ERR_STREAM_WRITE_AFTER_END after `end()`; the callback of a stream that
        is destroyed gets ERR_STREAM_DESTROYED.

        Mirrors: "writable.write(chunk[, encoding][, callback])".
        """
        # The byte path: nothing stands between the writer and the kernel.
        if callback is None and encoding is None:
            if self._straight_out:
                send = self._send
                if send is not None:
                    if type(chunk) is str:
                        chunk = encode(chunk, self._write_encoding)
                    if type(chunk) is bytes:
                        try:
                            if send(chunk):
                                return True
                        except OSError as error:
                            return self._send_failed(chunk, error)
                        return self._sent_partly(len(chunk))
            elif (
                self._corked
                and type(chunk) is bytes
                and self._finish == FLOWS
                and self._life == OPEN
                and self._errored is None
            ):
                return self._keep_corked(chunk)
        return self._write_checked(chunk, encoding, callback) is True

    def end(
        self,
        chunk: BytesLike | str | Callback | None = None,
        encoding: str | Callback | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """Say that this was all; ``'finish'`` comes when it is written.

        Args:
            chunk: A last chunk; or the callback.
            encoding: Of text, by default UTF-8; or the callback.
            callback: Called with None at ``'finish'``, or with the error.

        Returns:
            This stream.

        Raises:
            ERR_INVALID_ARG_TYPE: `chunk` is neither text nor bytes.
            ERR_UNKNOWN_ENCODING: No such encoding.

        Mirrors: "writable.end([chunk[, encoding]][, callback])".
        """
        if callable(chunk):
            chunk, callback = None, chunk
        elif callable(encoding):
            encoding, callback = None, encoding
        error = None
        if chunk is not None:
            # Not `write`, of which a subclass may think otherwise.
            accepted = Writable._write_checked(self, chunk, encoding, None)
            if isinstance(accepted, BaseException):
                error = accepted
        self._end_writing(error, callback)
        return self

    def cork(self) -> None:
        """Keep what is written until `uncork()`, which hands it over in one piece.

        Mirrors: "writable.cork()".
        """
        self._corked += 1
        self._straight_out = False

    def uncork(self) -> None:
        """Undo one `cork()`.

        Mirrors: "writable.uncork()".
        """
        self._uncork()

    # -- tuning -----------------------------------------------------------------------------------

    def setDefaultEncoding(self, encoding: str) -> Self:
        """Set the encoding of text that is written without one.

        Raises:
            ERR_UNKNOWN_ENCODING: No such encoding.

        Mirrors: "writable.setDefaultEncoding(encoding)".
        """
        self._write_encoding = encodingNamed(encoding).name
        return self

    # -- properties -------------------------------------------------------------------------------

    @property
    def writable(self) -> bool:
        """Whether `write()` may be called."""
        return self._finish == FLOWS and self._life < DOOMED and self._errored is None

    @property
    def writableAborted(self) -> bool:
        """Whether the stream was destroyed or failed before ``'finish'``."""
        return self._finish < FINISHED and (self._life >= DOOMED or self._errored is not None)

    @property
    def writableBuffer(self) -> list[bytes]:
        """The chunks that wait to be written."""
        return [chunk for chunk, _ in self._queue or ()]

    @property
    def writableCorked(self) -> int:
        """How many times `uncork()` has to be called."""
        return self._corked

    @property
    def writableEnded(self) -> bool:
        """Whether `end()` was called."""
        return self._finish >= ENDING

    @property
    def writableFinished(self) -> bool:
        """Whether ``'finish'`` was emitted, or is being emitted."""
        return self._finish >= FINISHED

    @property
    def writableHighWaterMark(self) -> int:
        """How many bytes may wait before `write()` returns False."""
        return self._write_mark

    @property
    def writableLength(self) -> int:
        """How many bytes wait to be written, or are being written."""
        return self._unwritten

    @property
    def writableNeedDrain(self) -> bool:
        """Whether `write()` has returned False and ``'drain'`` will come."""
        return self._need_drain and self._finish == FLOWS and self._life < DOOMED

    # -- from subclasses --------------------------------------------------------------------------

    def _write(self, chunk: bytes, encoding: str, callback: Callback) -> None:
        """Write one chunk; there is no other before it calls back.

        Args:
            chunk: The data; text was encoded.
            encoding: Always ``'buffer'``.
            callback: To be called, now or later, with None or with the error.

        Mirrors: "writable._write(chunk, encoding, callback)".
        """
        if self._writev is None:
            raise ERR_METHOD_NOT_IMPLEMENTED("_write()")
        self._writev([chunk], callback)

    # -- private ----------------------------------------------------------------------------------

    def _write_checked(
        self,
        chunk: BytesLike | str | None,
        encoding: str | Callback | None,
        callback: Callback | None,
    ) -> BaseException | bool:
        if callable(encoding):
            encoding, callback = None, encoding
        if chunk is None:
            raise ERR_STREAM_NULL_VALUES
        if encoding:
            encodingNamed(encoding)
        if isinstance(chunk, str):
            data = encode(chunk, encoding or self._write_encoding)
        elif isinstance(chunk, bytes):
            data = chunk
        else:
            try:
                data = bytes(memoryview(chunk))
            except TypeError:
                raise ERR_INVALID_ARG_TYPE("chunk", CHUNK_TYPES, chunk) from None
        return self._accept(data, callback if callable(callback) else None)
