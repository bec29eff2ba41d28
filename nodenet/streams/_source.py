"""How a Readable gets its bytes: from the source into the buffer, or straight to the listener.

Law: a chunk is delivered once, in order, and none is empty. `_chunks` is None or holds what waits,
`_buffered` is its length in bytes (in characters after `setEncoding`).

What the source was asked for is `_demand`, and only `_ask()` and `push()` move it::

    IDLE --_ask()--> ASKING --_read() returns--> ASKED --push()--> IDLE
                        `--push()--> ANSWERED --_read() returns--> IDLE

- IDLE: the source owes nothing; a push is delivered at once.
- ASKING: inside `_read()`, nothing pushed yet.
- ANSWERED: inside `_read()`, and it has pushed; also before the first `_read()`. What is pushed
  waits in the buffer, for nobody expects to be called from inside his own call.
- ASKED: `_read()` returned without a push; one will come.

`_direct` is the byte path: the one who gets what is pushed, or None whenever anything else than
calling him is to be done. It may be None without need, and never the other way round.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final

from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_STREAM_PUSH_AFTER_EOF,
    ERR_STREAM_UNSHIFT_AFTER_END_EVENT,
)
from nodenet.streams.encodings import BytesLike, Decoder, decode, encode
from nodenet.streams.stream import CONSTRUCTING, DOOMED, EMITTED, ENDED, FLOWS, OPEN, Stream

if TYPE_CHECKING:
    from nodenet.streams.pipe import Pipe

IDLE: Final = 0
ASKING: Final = 1
ANSWERED: Final = 2
ASKED: Final = 3

_ON_PUSH: Final = (IDLE, ANSWERED, ANSWERED, IDLE)
_ON_RETURN: Final = (IDLE, ASKED, IDLE, ASKED)

CHUNK_TYPES: Final = ("string", "Buffer", "TypedArray", "DataView")


class SourceSide(Stream):
    """The state of a readable half, and its side towards the source."""

    __slots__ = ()

    _keeps_pushing: ClassVar[bool] = False
    """True: after `_read()` the source pushes by itself until `push()` returns False."""

    _chunks: deque[bytes | str] | None
    _read_mark: int
    _flowing: bool | None
    _paused: bool
    _demand: int
    _wanted: bool  # a reader found too little: announce what comes
    _announced: bool  # 'readable' will be emitted, or was, and nobody has read since
    _listening: bool  # somebody listens to 'readable'; lags behind a removal by a tick
    _hears: bool  # somebody listens to 'data', and was not put before the others
    _resuming: bool  # 'resume' will be emitted
    _filling: bool  # `_read_more` will run
    _ending: bool  # `_emit_end` will run
    _did_read: bool
    _decoder: Decoder | None
    _push_encoding: str
    _pipes: tuple[Pipe, ...]
    _awaiting: set[Stream] | None  # the destinations that are full

    def _begin_reading(self, mark: int, push_encoding: str = "utf8") -> None:
        """The readable half begins, with a high-water mark in bytes."""
        self._end = FLOWS
        self._read_mark = mark
        self._push_encoding = push_encoding
        self._chunks = None
        self._flowing = None
        self._paused = False
        self._demand = ANSWERED
        self._wanted = self._announced = self._listening = self._hears = False
        self._resuming = self._filling = self._ending = self._did_read = False
        self._decoder = None
        self._awaiting = None
        self._pipes = ()

    def _undestroy(self) -> None:
        super()._undestroy()
        self._demand = _ON_PUSH[self._demand]

    def _opened(self) -> None:
        if self._wanted:
            self._read_more_soon()
        super()._opened()

    def _judge_in(self) -> None:
        """Who may get what is pushed without more ado?"""
        self._direct = None
        if (
            self._flowing
            and self._did_read
            and self._hears
            and self._chunks is None
            and not self._awaiting
            and self._end == FLOWS
            and self._life == OPEN
            and self._errored is None
            and (self._demand == IDLE or self._demand == ASKED)
            and self._keeps_pushing
        ):
            listener = self._events.get("data")
            if self._decoder is not None:
                self._direct = self._emit_text
            elif isinstance(listener, tuple):
                self._direct = self._emit_data
            else:
                self._direct = listener

    def _emit_data(self, chunk: bytes) -> None:
        self.emit("data", chunk)

    def _emit_text(self, chunk: bytes) -> None:
        assert self._decoder is not None
        text = self._decoder.decode(chunk)
        if text:
            self.emit("data", text)

    # -- from the source --------------------------------------------------------------------------

    def _push(self, chunk: BytesLike | str | None, encoding: str | None) -> bool:
        """`push()` where something stands between the source and the listener."""
        if chunk is None:
            self._demand = _ON_PUSH[self._demand]
            self._end_of_source()
            return False
        decoder = self._decoder
        if isinstance(chunk, str):
            encoding = encoding or self._push_encoding
            if decoder is not None and decoder.encoding == encoding:
                decoder = None
            else:
                chunk = encode(chunk, encoding)
        else:
            try:
                chunk = bytes(memoryview(chunk))
            except TypeError:
                self._fail(ERR_INVALID_ARG_TYPE("chunk", CHUNK_TYPES, chunk))
                return False
        if chunk:
            if self._end != FLOWS:
                self._fail(ERR_STREAM_PUSH_AFTER_EOF())
                return False
            if self._life >= DOOMED or self._errored is not None:
                return False
            if decoder is not None:
                chunk = decoder.decode(chunk)  # type: ignore[arg-type]  # bytes: it was not decoded
        self._demand = _ON_PUSH[self._demand]
        if chunk:
            self._take_in(chunk)
        else:
            self._read_more_soon()
        return self._has_room()

    def _put_back(self, chunk: BytesLike | str | None, encoding: str | None) -> bool:
        if chunk is None:
            return self._push(None, None)
        decoder = self._decoder
        if isinstance(chunk, str):
            encoding = encoding or self._push_encoding
            if decoder is None or decoder.encoding != encoding:
                chunk = encode(chunk, encoding)
        else:
            try:
                chunk = bytes(memoryview(chunk))
            except TypeError:
                self._fail(ERR_INVALID_ARG_TYPE("chunk", CHUNK_TYPES, chunk))
                return False
        if decoder is not None and isinstance(chunk, bytes):
            chunk = decode(chunk, decoder.encoding)
        if chunk:
            if self._end >= EMITTED:
                self._fail(ERR_STREAM_UNSHIFT_AFTER_END_EVENT())
            elif self._life >= DOOMED or self._errored is not None:
                return False
            else:
                self._take_in(chunk, front=True)
        return self._has_room()

    def _has_room(self) -> bool:
        return self._end == FLOWS and (self._buffered < self._read_mark or self._buffered == 0)

    def _take_in(self, chunk: bytes | str, front: bool = False) -> None:
        """Deliver a chunk, or keep it when nobody takes it now."""
        if (
            self._flowing
            and not self._buffered
            and (self._demand == IDLE or self._demand == ASKED)
            and self._hears
        ):
            self._awaiting = None
            self._did_read = True
            self.emit("data", chunk)
            self._judge_in()
        else:
            self._keep(chunk, front)
            if self._wanted:
                self._announce()
        self._read_more_soon()

    def _keep(self, chunk: bytes | str, front: bool = False) -> None:
        self._direct = None
        if self._chunks is None:
            self._chunks = deque()
        if front:
            self._chunks.appendleft(chunk)
        else:
            self._chunks.append(chunk)
        self._buffered += len(chunk)

    def _end_of_source(self) -> None:
        if self._end != FLOWS:
            return
        tail = "" if self._decoder is None else self._decoder.flush()
        if tail:
            self._keep(tail)
        self._end = ENDED
        self._direct = None
        if self._demand == ASKING or self._demand == ANSWERED:
            self._announce()
        else:
            self._wanted = False
            self._announced = True
            self._emit_readable()

    def _decode_with(self, decoder: Decoder) -> None:
        """`setEncoding()`: also what waits in the buffer becomes text."""
        self._decoder = decoder
        self._direct = None
        chunks, self._chunks = self._chunks, None
        self._buffered = 0
        text = "".join(
            decoder.decode(chunk) if isinstance(chunk, bytes) else chunk for chunk in chunks or ()
        )
        if text:
            self._keep(text)

    # -- to the source ----------------------------------------------------------------------------

    def _ask(self) -> None:
        """Have `_read()` called: the source is to push."""
        self._demand = ASKING
        self._direct = None
        if not self._buffered:
            self._wanted = True
        try:
            self._read(self._read_mark)
        except Exception as error:
            self._fail(error)
        self._demand = _ON_RETURN[self._demand]
        self._judge_in()

    def _read_more_soon(self) -> None:
        if not self._filling and self._life not in (CONSTRUCTING, DOOMED):
            self._filling = True
            self._poller.nextTick(self._read_more)

    def _read_more(self) -> None:
        """Fill the buffer up to the high-water mark, as long as that makes progress."""
        while (
            (self._demand == IDLE or self._demand == ANSWERED)
            and self._end == FLOWS
            and (self._buffered < self._read_mark or (self._flowing and not self._buffered))
        ):
            before = self._buffered
            self._fetch(0)
            if before == self._buffered:
                break
        self._filling = False

    # -- what a Readable adds ---------------------------------------------------------------------

    def _read(self, size: int) -> None:
        raise NotImplementedError

    def _fetch(self, size: int | None = None) -> bytes | str | None:
        raise NotImplementedError

    def _announce(self) -> None:
        raise NotImplementedError

    def _emit_readable(self) -> None:
        raise NotImplementedError
