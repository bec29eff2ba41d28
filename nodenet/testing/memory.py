"""Connections in memory: sockets without a kernel, and faults on demand.

Law: what a `MemorySocket` answers, a kernel's socket could answer; so nodenet's real transports run
on it unchanged. A handler is never run inside the call that made its event.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall

from nodenet.options import checkInteger
from nodenet.testing._poller import nothing

_LEAST: Final = {"longestWrite": 1, "refuseEvery": 2, "resetAt": 0}
_LINGER: Final = struct.Struct("ii")
_ports = count(50_001)


@dataclass(frozen=True)
class Faults:
    """What goes wrong at one end of a connection in memory.

    Attributes:
        longestWrite: The system takes at most so many bytes at once: short writes.
        refuseEvery: Every so-many-th read and write is refused once, with ``EAGAIN``; at least 2.
        resetAt: The connection is reset when this end has sent so many bytes.

    Raises:
        ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: One is no such number.
    """

    longestWrite: int | None = None
    refuseEvery: int | None = None
    resetAt: int | None = None

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) is not None:
                checkInteger(getattr(self, name), name, least)


class MemorySocket:
    """One end of a connection in memory, with the methods of `socket.socket` that are used here."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM

    def __init__(self, capacity: int, delay: float, clock: Any, faults: Faults) -> None:
        self.peer: MemorySocket
        self.changed: Callable[[], None] = nothing
        self.turn: Callable[[Callable[[], None]], None] = _at_once  # does what the clock says
        self.closed = False
        self.name = ("127.0.0.1", next(_ports))
        self._capacity = capacity
        self._delay = delay
        self._clock = clock
        self._faults = faults
        self._arrived = bytearray()
        self._on_the_way: deque[tuple[bytes | OSError | None, IDelayedCall | None]] = deque()
        self._unread = 0  # bytes that the peer has sent and nobody has received
        self._sent = self._calls = 0
        self._eof = self._ended = self._lingers = False
        self._lost = False  # the connection is gone
        self._error: OSError | None = None  # why; told once
        self._options: dict[tuple[int, int], Any] = {}

    # -- bytes ------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        self._tell()
        if self._lost or self._ended:
            raise _error(errno.EPIPE)
        if not data:
            return 0
        room = self._room()
        if room <= 0 or self._refuses():
            raise _error(errno.EAGAIN)
        faults = self._faults
        size = min(len(data), room, faults.longestWrite or room)
        if faults.resetAt is not None:
            size = min(size, faults.resetAt - self._sent)
        self._sent += size
        if size:
            self.peer._unread += size
            self.peer._transmit(bytes(memoryview(data)[:size]))
        if self._sent == faults.resetAt:
            self.peer._transmit(_error(errno.ECONNRESET))
            self._reset()
        return size

    def sendmsg(self, buffers: Iterable[bytes]) -> int:
        return self.send(b"".join(buffers))

    def recv(self, size: int) -> bytes:
        if not size:
            return b""
        if self._arrived:
            if self._refuses():
                raise _error(errno.EAGAIN)
            data = bytes(self._arrived[:size])
            del self._arrived[:size]
            self._unread -= len(data)
            self.peer.changed()
            return data
        if self._eof:
            return b""
        self._tell()
        if self._lost:
            return b""
        raise _error(errno.EAGAIN)

    def recv_into(self, buffer: memoryview) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    # -- the end ----------------------------------------------------------------------------

    def shutdown(self, how: int) -> None:
        if self._over:
            raise _error(errno.ENOTCONN)
        if not self._ended:
            self._ended = True
            self.peer._transmit(None)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if not self._lost:
            # As a kernel: who closes with bytes unread, resets.
            resets = self._lingers or self._arrived
            if resets or not self._ended:
                self.peer._transmit(_error(errno.ECONNRESET) if resets else None)
        self._unread = 0
        self.peer.changed()
        if self.peer.closed:
            self._forget()
            self.peer._forget()

    # -- what is asked of sockets besides ---------------------------------------------------

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        """There is no descriptor."""
        return -1

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self._lingers = bool(_LINGER.unpack(value)[0])
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int) -> int:
        value = self._options.get((level, option), 0)
        return value if isinstance(value, int) else 0

    def getsockname(self) -> tuple[str, int]:
        return self.name

    def getpeername(self) -> tuple[str, int]:
        if self._over or self.closed:
            raise _error(errno.ENOTCONN)
        return self.peer.name

    # -- readiness --------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        return bool(self._arrived) or self._eof or self._lost

    @property
    def writable(self) -> bool:
        return self._lost or self._room() > 0

    @property
    def _over(self) -> bool:
        """Whether there is no connection any more: both have said their end, or it is lost."""
        return self._lost or (self._eof and self._ended)

    def _room(self) -> int:
        return self._capacity - self.peer._unread

    def _refuses(self) -> bool:
        every = self._faults.refuseEvery
        self._calls += 1
        return every is not None and self._calls % every == 0

    def _tell(self) -> None:
        """Raise why the connection is gone, unless that was told."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    # -- the wire ---------------------------------------------------------------------------

    def _transmit(self, what: bytes | OSError | None) -> None:
        """Bytes, an end (None) or a reset is on its way to this end."""
        if self._delay:
            self._on_the_way.append(
                (what, self._clock.callLater(self._delay, self.turn, self._arrive))
            )
        else:
            self._on_the_way.append((what, None))
            self._arrive()

    def _arrive(self) -> None:
        what, _ = self._on_the_way.popleft()
        if self.closed:
            if isinstance(what, bytes):
                self.peer._transmit(_error(errno.ECONNRESET))  # nobody is here
        elif isinstance(what, OSError):
            self._reset()
        elif what is None:
            self._eof = True
        else:
            self._arrived += what
        self.changed()

    def _reset(self) -> None:
        """The connection is gone. What has arrived can still be read, as on Linux."""
        if not self._lost:
            self._lost = True
            # A peer that has said its end does not reset the reading: only writing fails.
            self._error = _error(errno.EPIPE if self._eof else errno.ECONNRESET)
            self.changed()

    def _forget(self) -> None:
        """Both ends are closed: what is on its way arrives nowhere."""
        while self._on_the_way:
            _, call = self._on_the_way.popleft()
            if call is not None:
                call.cancel()


def _at_once(act: Callable[[], None]) -> None:
    act()


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
