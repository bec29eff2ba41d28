"""How a Readable gives its bytes away: `read()`, ``'data'``, ``'readable'`` and the end.

Law: what is read leaves the buffer before anybody hears of it, and ``'end'`` comes when the source
has ended and the buffer is empty, once.

``'readable'`` is *wanted* when a reader found too little, and *announced* from the moment that its
emission is scheduled until somebody reads.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import Any, Final

from nodenet.errors import ERR_OUT_OF_RANGE
from nodenet.streams._source import ANSWERED, ASKED, ASKING, IDLE, SourceSide
from nodenet.streams.stream import DOOMED, EMITTED, ENDED, FLOWS, GONE, OPEN, Stream

_LONGEST_READ: Final = 1 << 30
_LEADING_NUMBER: Final = re.compile(r"\s*([+-]?\d+)")


class ReadingHalf(SourceSide):
    """The machinery of a Readable; `Readable` is its face."""

    __slots__ = ()

    # -- to the reader ----------------------------------------------------------------------------

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
        else:
            self._awaiting = None
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
        self._judge_in()

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

    # -- pipes ------------------------------------------------------------------------------------

    def _await(self, destination: Stream) -> None:
        """A destination is full: go on when it has drained."""
        if self._awaiting is None:
            self._awaiting = set()
        self._awaiting.add(destination)
        self._direct = None

    # -- listeners --------------------------------------------------------------------------------

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
            self._direct = None
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

    # -- the end ----------------------------------------------------------------------------------

    def _end_soon(self) -> None:
        if self._end < EMITTED:
            self._end = ENDED
            if not self._ending:
                self._ending = True
                self._poller.nextTick(self._emit_end)

    def _emit_end(self) -> None:
        self._ending = False
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


def wholeNumber(size: Any) -> int | None:
    """What Node's `read()` takes for a number of bytes; None is all there are."""
    if isinstance(size, int | float) and not isinstance(size, bool):
        return int(size) if math.isfinite(size) else None
    found = _LEADING_NUMBER.match(size) if isinstance(size, str) else None
    return int(found[1]) if found else None
