"""Unix datagram sockets: `UDPDescriptor`s whose addresses are paths.

Law: no datagram is cut, however long it is: its size is asked for before it is read.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from typing import Any

from nodenet.loop import Poller
from nodenet.transports.udp import Receiver, UDPDescriptor
from nodenet.transports.udp_address import Destination
from nodenet.transports.unix import BoundPath, checkPath


class UNIXDatagramDescriptor(UDPDescriptor):
    """A Unix datagram socket; it reads and sends one by one."""

    def __init__(self, poller: Poller, skt: socket.socket, receiver: Receiver) -> None:
        super().__init__(poller, skt, receiver)
        self._take = self._take_whole
        self._byte = bytearray(1)
        self._bound: BoundPath | None = None

    def bind(self, raw: Any) -> None:
        """Bind to a path; to none: to an abstract name that the system chooses (Linux)."""
        if raw or sys.platform == "linux":
            super().bind(raw)
        if raw:
            self._bound = BoundPath(raw)

    def close(self) -> None:
        """Close, and remove the path that it was bound to if it is still there."""
        bound, self._bound = self._bound, None
        super().close()
        if bound is not None:
            with suppress(OSError):  # its directory has become another's, say
                bound.unlink()

    def localAddress(self) -> tuple[Any, ...]:
        """Its path, in a tuple; empty when it has none."""
        return (_text(self._socket.getsockname()),)

    def remoteAddress(self) -> tuple[Any, ...]:
        """The path of the peer, in a tuple."""
        return (_text(self._socket.getpeername()),)

    def describe(self) -> str:
        if not self._open:
            return "closed"
        local = self.localAddress()[0] or "unnamed"
        return f"{local} - {self.remoteAddress()[0]}" if self.queue.connected else local

    def _take_whole(self, capacity: int) -> tuple[bytes, Any]:
        peek = socket.MSG_PEEK | socket.MSG_TRUNC
        size = self._socket.recv_into(self._byte, 1, peek)
        return self._socket.recvfrom(max(size, 1))


def pathDestination(path: str) -> Destination:
    """A path as a destination; one that begins with NUL is an abstract name.

    Raises:
        OSError: ``EINVAL``, it cannot be one.
    """
    checkPath(path)
    made = Destination()
    made.raw = made.address = path
    made.port = None
    return made


def _text(path: str | bytes) -> str:
    """Python gives abstract names as bytes."""
    return path.decode(errors="surrogateescape") if isinstance(path, bytes) else path
