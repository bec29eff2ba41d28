"""How a Readable works: from the source into the buffer, from the buffer to the reader.

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

``'readable'`` is *wanted* when a reader found too little, and *announced* from the moment that its
emission is scheduled until the reader reads.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final

from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_OUT_OF_RANGE,
    ERR_STREAM_PUSH_AFTER_EOF,
    ERR_STREAM_UNSHIFT_AFTER_END_EVENT,
)
from nodenet.streams.encodings import BytesLike, Decoder, decode, encode
from nodenet.streams.stream import CONSTRUCTING, DOOMED, EMITTED, ENDED, FLOWS, GONE, OPEN, Stream

if TYPE_CHECKING:
    from nodenet.streams.pipe import Pipe

IDLE: Final = 0
ASKING: Final = 1
ANSWERED: Final = 2
ASKED: Final = 3

_ON_PUSH: Final = (IDLE, ANSWERED, ANSWERED, IDLE)
_ON_RETURN: Final = (IDLE, ASKED, IDLE, ASKED)

CHUNK_TYPES: Final = ("string", "Buffer", "TypedArray", "DataView")
_LONGEST_READ: Final = 1 << 30


class ReadingHalf(Stream):
    """The machinery of a Readable; `Readable` is its face."""

    __slots__ = ()

    _keeps_pushing: ClassVar[bool] = False
    """True: after `_read()` the source pushes by itself until `push()` returns False."""

    _chunks: deque[bytes | str] | None
    _buffered: int
    _read_mark: int
    _flowing: bool | None
    _paused: bool
    _demand: int
    _wanted: bool
    _announced: bool
    _listening: bool
    _resuming: bool
    _filling: bool
    _did_read: bool
    _decoder: Decoder | None
    _push_encoding: str
    _hears: bool
    _awaiting: set[Stream] | None
    _pipes: tuple[Pipe, ...]

    def _begin_reading(self, mark: int, push_encoding: str = "utf8") -> None:
        """The readable half begins, with a high-water mark in bytes."""
        self._end = FLOWS
        self._read_mark = mark
        self._push_encoding = push_encoding
        self._chunks = None
        self._buffered = 0
        self._flowing = None
        self._paused = False
        self._demand = ANSWERED
        self._wanted = self._announced = self._listening = False
        self._resuming = self._filling = self._did_read = self._hears = False
        self._decoder = None
        self._awaiting = None
        self._pipes = ()

    def _undestroy(self) -> None:
        super()._undestroy()
        self._demand = _ON_PUSH[self._demand]
        self._judge_in()

    def _opened(self) -> None:
        if self._wanted:
            self._read_more_soon()
        super()._opened()

    def _judge_in(self) -> None:
        """May what is pushed go straight to the listener, when one is there and data flows?"""
        self._straight_in = (
            self._keeps_pushing
            and self._end == FLOWS
            and self._life == OPEN
            and self._errored is None
            and self._decoder is None
            and self._hears
            and not self._awaiting
            and (self._demand == IDLE or self._demand == ASKED)
        )

    # --- from the source

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
            if self._awaiting:
                self._forget_awaited()
            self._did_read = True
            self.emit("data", chunk)
        else:
            if self._chunks is None:
                self._chunks = deque()
            if front:
                self._chunks.appendleft(chunk)
            else:
                self._chunks.append(chunk)
            self._buffered += len(chunk)
            if self._wanted:
                self._announce()
        self._read_more_soon()

    def _end_of_source(self) -> None:
        if self._end != FLOWS:
            return
        if self._decoder is not None:
            tail = self._decoder.flush()
            if tail:
                if self._chunks is None:
                    self._chunks = deque()
                self._chunks.append(tail)
                self._buffered += len(tail)
        self._end = ENDED
        self._straight_in = False
        if self._demand == ASKING or self._demand == ANSWERED:
            self._announce()
        else:
            self._wanted = False
            self._announced = True
            self._emit_readable()

    # --- to the source

    def _ask(self) -> None:
        """Have `_read()` called: the source is to push."""
        self._demand = ASKING
        self._straight_in = False
        if not self._buffered:
            self._wanted = True
        try:
            self._read(self._read_mark)
        except Exception as error:
            self._fail(error)
        self._demand = _ON_RETURN[self._demand]
        self._judge_in()

    def _read(self, size: int) -> None:
        raise NotImplementedError

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

    # --- to the reader

    def _fetch(self, size: int | None = None) -> bytes | str | None:
        """`Readable.read()`: take data out of the buffer, and ask for more."""
        wish = size
        if size is not None and size > self._read_mark:
            self._read_mark = _enough_for(size)
        if size != 0:
            self._announced = False
        elif self._wanted and self._is_announceable():
            if not self._buffered and self._end != FLOWS:
                self._end_soon()
            else:
                self._announce()
            return None
        amount = self._available(wish)
        if amount == 0 and self._end != FLOWS:
            if not self._buffered:
                self._end_soon()
            return None
        if self._should_ask(amount):
            self._ask()
            if self._demand == IDLE:
                amount = self._available(wish)
        return self._deliver(amount, wish)

    def _is_announceable(self) -> bool:
        if self._end != FLOWS:
            return True
        return self._buffered >= self._read_mark if self._read_mark else self._buffered > 0

    def _should_ask(self, amount: int) -> bool:
        if (
            self._demand == ASKING
            or self._demand == ASKED
            or self._end != FLOWS
            or self._life != OPEN
            or self._errored is not None
        ):
            return False
        left = self._buffered - amount
        return self._wanted or not self._buffered or left < self._read_mark

    def _available(self, wish: int | None) -> int:
        """How much of what the reader wishes he gets now."""
        buffered = self._buffered
        if wish is None:
            if self._flowing and self._chunks is not None:
                return len(self._chunks[0])
            return buffered
        if wish <= 0:
            return 0
        if wish <= buffered:
            return wish
        return buffered if self._end != FLOWS else 0

    def _deliver(self, amount: int, wish: int | None) -> bytes | str | None:
        chunk = self._take(amount) if amount else None
        if chunk is None:
            self._wanted = self._buffered <= self._read_mark
        elif self._awaiting:
            self._forget_awaited()
        if not self._buffered:
            if self._end == FLOWS:
                self._wanted = True
            elif wish is None or wish != amount:
                self._end_soon()
        if chunk is not None and not self._error_emitted and self._life != GONE:
            self._did_read = True
            self.emit("data", chunk)
        return chunk

    def _take(self, amount: int) -> bytes | str:
        """Take `amount` bytes or characters, at most what is there, out of the buffer."""
        chunks = self._chunks
        assert chunks is not None
        first = chunks[0]
        if len(first) == amount:
            chunks.popleft()
            taken = first
        elif len(first) > amount:
            taken = first[:amount]
            chunks[0] = first[amount:]
        else:
            taken = _joined(chunks, amount)
        self._buffered -= amount
        if not chunks:
            self._chunks = None
        return taken

    def _announce(self) -> None:
        """``'readable'`` follows in the next tick."""
        self._wanted = False
        if not self._announced:
            self._announced = True
            self._poller.nextTick(self._emit_readable)

    def _emit_readable(self) -> None:
        if self._life < DOOMED and self._errored is None and (self._buffered or self._end != FLOWS):
            self.emit("readable")
            self._announced = False
        if not self._flowing and self._end == FLOWS and self._buffered <= self._read_mark:
            self._wanted = True
        self._flow()

    def _flow(self) -> None:
        while self._flowing and self._fetch() is not None:
            pass

    def _resume(self) -> None:
        if not self._flowing:
            self._flowing = not self._listening
            if not self._resuming:
                self._resuming = True
                self._poller.nextTick(self._resumed)
        self._paused = False

    def _resumed(self) -> None:
        """The tick after `resume()`."""
        if self._demand == IDLE or self._demand == ANSWERED:
            self._fetch(0)
        self._resuming = False
        self.emit("resume")
        self._flow()
        if self._flowing and (self._demand == IDLE or self._demand == ANSWERED):
            self._fetch(0)

    def _await(self, destination: Stream) -> None:
        """A destination is full: go on when it has drained."""
        if self._awaiting is None:
            self._awaiting = set()
        self._awaiting.add(destination)
        self._straight_in = False

    def _forget_awaited(self) -> None:
        self._awaiting = None
        self._judge_in()

    def _decode_with(self, decoder: Decoder) -> None:
        """`setEncoding()`: also what waits in the buffer becomes text."""
        self._decoder = decoder
        self._straight_in = False
        chunks, self._chunks = self._chunks, None
        self._buffered = 0
        text = "".join(
            decoder.decode(chunk) if isinstance(chunk, bytes) else chunk for chunk in chunks or ()
        )
        if text:
            self._chunks = deque((text,))
            self._buffered = len(text)

    # --- listeners

    def _listened(self, name: object) -> None:
        """Somebody has begun to listen."""
        if name == "data":
            self._hears = True
            self._judge_in()
            self._listening = self._listening or "readable" in self._events
            if self._flowing is not False:
                self._resume()
        elif name == "readable" and self._end < EMITTED and not self._listening:
            self._listening = self._wanted = True
            self._flowing = self._announced = False
            if self._buffered:
                self._announce()
            elif self._demand == IDLE or self._demand == ANSWERED:
                self._poller.nextTick(self._fetch, 0)

    def _listen_again(self) -> None:
        """Somebody has ceased to listen to ``'readable'``: perhaps data flows again."""
        self._listening = "readable" in self._events
        if self._resuming and not self._paused:
            self._flowing = True
        elif self._hears:
            self._resume()
        elif not self._listening:
            self._flowing = None

    # --- the end

    def _end_soon(self) -> None:
        if self._end < EMITTED:
            self._end = ENDED
            self._poller.nextTick(self._emit_end)

    def _emit_end(self) -> None:
        if (
            self._end < EMITTED
            and self._errored is None
            and self._life != GONE
            and not self._buffered
        ):
            self._end = EMITTED
            self.emit("end")
            self._half_over()


def _joined(chunks: deque[bytes | str], amount: int) -> bytes | str:
    """Take `amount`, more than the first chunk has, out of several chunks."""
    parts = []
    while amount and len(chunks[0]) <= amount:
        part = chunks.popleft()
        parts.append(part)
        amount -= len(part)
        if not chunks:
            break
    if amount:
        rest = chunks[0]
        parts.append(rest[:amount])
        chunks[0] = rest[amount:]
    return parts[0][:0].join(parts)  # type: ignore[arg-type]  # all bytes or all str


def _enough_for(size: int) -> int:
    """The next power of two: the high-water mark for a reader who wants that much at once."""
    if size > _LONGEST_READ:
        raise ERR_OUT_OF_RANGE("size", "<= 1GiB", size)
    return 1 << (size - 1).bit_length()
