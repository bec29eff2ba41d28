"""Connections in memory: sockets without a kernel, and faults on demand.

Law: what a `MemorySocket` answers, a kernel's socket could answer; so nodenet's real transports run
on it unchanged. A handler is never run inside the call that made its event.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from nodenet.loop import Handle, Poller
from nodenet.loop.poller import READ, WRITE

_ports = count(50_001)


@dataclass(frozen=True)
class Faults:
    """What goes wrong at one end of a connection in memory.

    Attributes:
        longestWrite: The system takes at most so many bytes at once: short writes.
        refuseEvery: Every so-many-th read and write is refused once, with ``EAGAIN``; at least 2.
        resetAt: The connection is reset when this end has sent so many bytes.
    """

    longestWrite: int | None = None
    refuseEvery: int | None = None
    resetAt: int | None = None


class MemorySocket:
    """One end of a connection in memory, with the methods of `socket.socket` that are used here."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM

    def __init__(self, capacity: int, delay: float, clock: Any, faults: Faults) -> None:
        self.peer: MemorySocket
        self.changed: Callable[[], None] = _nothing
        self.closed = False
        self.name = ("127.0.0.1", next(_ports))
        self._capacity = capacity
        self._delay = delay
        self._clock = clock
        self._faults = faults
        self._arrived = bytearray()
        self._on_the_way: deque[bytes | OSError | None] = deque()
        self._unread = 0  # bytes that the peer has sent and nobody has received
        self._sent = self._calls = 0
        self._eof = self._ended = self._lingers = False
        self._error: OSError | None = None
        self._options: dict[tuple[int, int], Any] = {}

    # -- bytes ------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        if self._error is not None or self._ended or self.peer.closed:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        room = self._room()
        if room <= 0 or self._refuses():
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        faults = self._faults
        size = min(len(data), room, faults.longestWrite or room)
        if faults.resetAt is not None:
            size = min(size, faults.resetAt - self._sent)
        self._sent += size
        self.peer._unread += size
        self.peer._transmit(bytes(memoryview(data)[:size]))
        if self._sent == faults.resetAt:
            self._reset()
            self.peer._transmit(_reset())
        return size

    def sendmsg(self, buffers: Iterable[bytes]) -> int:
        data = b"".join(buffers)
        return self.send(data) if data else 0

    def recv(self, size: int) -> bytes:
        if self._error is not None:
            error, self._error = self._error, OSError(errno.EPIPE, "told already")
            if error.errno == errno.ECONNRESET:
                raise error
        if self._arrived:
            if self._refuses():
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            data = bytes(self._arrived[:size])
            del self._arrived[:size]
            self._unread -= len(data)
            self.peer.changed()
            return data
        if self._eof or self._error is not None:
            return b""
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def recv_into(self, buffer: memoryview) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    # -- the end ----------------------------------------------------------------------------

    def shutdown(self, how: int) -> None:
        if self._error is not None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if not self._ended:
            self._ended = True
            self.peer._transmit(None)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._error is None:
            # As a kernel: who closes with bytes unread, resets.
            self.peer._transmit(_reset() if self._lingers or self._unread else None)
        self.peer.changed()

    # -- what is asked of sockets besides ---------------------------------------------------

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        """There is no descriptor."""
        return -1

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        self._lingers |= (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER)
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int) -> int:
        return int(self._options.get((level, option), 0))

    def getsockname(self) -> tuple[str, int]:
        return self.name

    def getpeername(self) -> tuple[str, int]:
        if self._error is not None or self.closed:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self.peer.name

    # -- readiness --------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        return bool(self._arrived) or self._eof or self._error is not None

    @property
    def writable(self) -> bool:
        return self._error is not None or self.peer.closed or self._room() > 0

    def _room(self) -> int:
        return self._capacity - self.peer._unread

    def _refuses(self) -> bool:
        every = self._faults.refuseEvery
        self._calls += 1
        return every is not None and self._calls % every == 0

    # -- the wire ---------------------------------------------------------------------------

    def _transmit(self, what: bytes | OSError | None) -> None:
        """Bytes, an end (None) or a reset is on its way to this end."""
        self._on_the_way.append(what)
        if self._delay:
            self._clock.callLater(self._delay, self._arrive)
        else:
            self._arrive()

    def _arrive(self) -> None:
        what = self._on_the_way.popleft()
        if self.closed:
            return
        if isinstance(what, OSError):
            self._reset()
        elif what is None:
            self._eof = True
        else:
            self._arrived += what
        self.changed()

    def _reset(self) -> None:
        self._error = _reset()
        self._arrived.clear()
        self._unread = 0
        self.changed()


class MemoryPoller:
    """A reactor's Poller, for handles that have no descriptor.

    A handle that is ready is served in a turn of the reactor of its own, as one with a descriptor
    would be; everything else is the real Poller's.
    """

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._handles: dict[Handle, MemorySocket] = {}
        self._due = False

    def watch(self, handle: Handle, interest: int) -> None:
        """As `Poller.watch`."""
        handle.interest = interest
        if interest:
            self._handles[handle] = handle._socket  # type: ignore[assignment]  # one of ours
            self._handles[handle].changed = self.wake
            self.wake()
        else:
            self._handles.pop(handle, None)

    def wake(self) -> None:
        """Something may have become ready."""
        if not self._due and any(map(self._ready, self._handles)):
            self._due = True
            self._poller.callLater(0, self._serve)

    def _serve(self) -> None:
        self._due = False
        for handle in list(self._handles):
            try:
                if self._ready(handle) & READ:
                    handle.doRead()
                if self._ready(handle) & WRITE:
                    handle.doWrite()
            except Exception:
                self._poller.handlerFailed(handle)
            self._poller.drain()
        self.wake()

    def _ready(self, handle: Handle) -> int:
        skt = self._handles.get(handle)
        if skt is None:
            return 0
        return handle.interest & (READ * skt.readable | WRITE * skt.writable)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)


def _reset() -> OSError:
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def _nothing() -> None:
    """Nobody watches yet."""
