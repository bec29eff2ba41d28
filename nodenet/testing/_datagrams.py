"""Datagram sockets in memory.

Law: what a `DatagramSocket` answers, a kernel's socket could answer, so nodenet's real transports
run on it; what it keeps is bounded as a kernel bounds it.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from nodenet.testing._control import RECVERR, Control, Packet, details, report
from nodenet.testing._groups import V4, V6, Options
from nodenet.testing._places import (
    ANYWHERE,
    BROADCAST,
    LOOPBACK,
    Place,
    familyOf,
    isAnywhere,
    isGroup,
    oserror,
    place,
    raw,
    unpacked,
)
from nodenet.testing._poller import nothing

if TYPE_CHECKING:
    from nodenet.testing._kernel import Kernel

_OVERHEAD: Final = 512  # bytes that a kernel reckons for each datagram, whatever its length
_LONGEST: Final = {socket.AF_INET: 65_507, socket.AF_INET6: 65_527}
_HEADERS: Final = {socket.AF_INET: 28, socket.AF_INET6: 48}
_RECEIVE: Final = (socket.SOL_SOCKET, socket.SO_RCVBUF)
_SIX_ONLY: Final = (V6, socket.IPV6_V6ONLY)
_SEND: Final = (socket.SOL_SOCKET, socket.SO_SNDBUF)

# Of Linux, where Python's socket module does not name them.
_MSG_ERRQUEUE: Final = getattr(socket, "MSG_ERRQUEUE", 0x2000)
_MEMINFO: Final = (socket.SOL_SOCKET, 55)
_MEMORY: Final = struct.Struct("=9I")
_REPORTS: Final = 32  # reports of errors that are kept
_CLASSES: Final = {(V4, socket.IP_TOS), (V6, socket.IPV6_TCLASS)}


class DatagramSocket:
    """A UDP socket of a host, with the methods of `socket.socket` that are used here."""

    type = socket.SOCK_DGRAM

    def __init__(self, kernel: Kernel, family: socket.AddressFamily) -> None:
        self.family = family
        self.options = Options(family, kernel.addresses)
        self.changed: Callable[[], None] = nothing
        self.closed = False
        self.port = 0
        self._chosen = False  # the port was said, not found
        self.address = self._bound = ANYWHERE[family]
        self.peer: Place | None = None
        self._kernel = kernel
        self._arrived: deque[Packet] = deque()
        self._arrived_size = self._leaving_size = self._dropped = 0
        self._error: OSError | None = None
        self._reports: deque[Packet] = deque(maxlen=_REPORTS)

    # -- where it is ------------------------------------------------------------------------

    def bind(self, address: Any) -> None:
        host, port = place(address)
        self._check_family(host)
        if self.port or self._six_only(host):
            raise oserror(errno.EINVAL)
        self._kernel.bind(self, host, port)
        self._bound = self.address
        self._chosen = port > 0

    def connect(self, address: Any) -> None:
        self._ensure_bound()
        peer = self._target(place(address))
        self.address = self._from(peer[0])
        self.peer = peer

    def disconnect(self) -> None:
        self.peer = None
        self.address = self._bound
        if not self._chosen:
            self._kernel.release(self)  # as Linux does: it keeps only a port that was asked for

    def getsockname(self) -> tuple[Any, ...]:
        self._check_open()
        return raw((self.address, self.port), self.family)

    def getpeername(self) -> tuple[Any, ...]:
        self._check_open()
        if self.peer is None:
            raise oserror(errno.ENOTCONN)
        return raw(self.peer, self.family)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._arrived.clear()
            self._kernel.unbind(self)

    # -- datagrams --------------------------------------------------------------------------

    def send(self, datagram: bytes) -> int:
        if self.peer is None:
            raise oserror(errno.EDESTADDRREQ)
        return self._send(datagram, self.peer)

    def sendto(self, datagram: bytes, address: Any) -> int:
        return self._send(datagram, place(address))

    def sendmsg(
        self, buffers: Iterable[bytes], control: Control, flags: int = 0, address: Any = None
    ) -> int:
        target = self.peer if address is None else place(address)
        if target is None:
            raise oserror(errno.EDESTADDRREQ)
        return self._send(b"".join(buffers), target, control)

    def recvfrom(self, size: int) -> tuple[bytes, Any]:
        packet = self._next()
        return packet.data[:size], raw(packet.source, self.family)

    def recvmsg(self, size: int, room: int, flags: int = 0) -> tuple[bytes, Control, int, Any]:
        if flags & _MSG_ERRQUEUE:
            if not self._reports:
                raise oserror(errno.EAGAIN)
            refused = self._reports.popleft()
            if not self._reports:
                self._error = None  # it was about this one
            return (
                refused.data[:size],
                [report(self.family, refused)],
                0,
                raw(refused.target, self.family),
            )
        packet = self._next()
        return packet.data[:size], details(self.family, packet), 0, raw(packet.source, self.family)

    # -- what is asked of sockets besides ---------------------------------------------------

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        """There is no descriptor."""
        return -1

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        self._check_open()
        if (level, option) == _SIX_ONLY and self.port:
            raise oserror(errno.EINVAL)
        self.options.set(level, option, value)

    def getsockopt(self, level: int, option: int, size: int = 0) -> Any:
        self._check_open()
        if (level, option) == _MEMINFO:
            return _MEMORY.pack(*[0] * 8, self._dropped)
        return self.options.get(level, option)

    # -- readiness --------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        return bool(self._arrived or self._error or self._reports)

    @property
    def writable(self) -> bool:
        return self._error is not None or self._leaving_size * 2 <= self.options.get(*_SEND)

    # -- from the network -------------------------------------------------------------------

    def hears(self, packet: Packet) -> bool:
        """Whether a datagram that has arrived at its host is for this socket."""
        host, port = packet.target
        if port != self.port or (self.peer is not None and self.peer != packet.source):
            return False
        if isGroup(host) and not self.options.hears(host, packet.source[0]):
            return False
        if host == BROADCAST:
            return self.family == socket.AF_INET and isAnywhere(self.address)
        return self.covers(host)

    def covers(self, host: str) -> bool:
        """Whether it is bound to `host`, perhaps with all others."""
        if self.address == ANYWHERE[socket.AF_INET6]:
            return ":" in host or not self.options.flag(*_SIX_ONLY)
        return self.address == host or (
            self.address == ANYWHERE[socket.AF_INET] and ":" not in host
        )

    def shares(self, option: str) -> bool:
        """Whether it lets others have its port, as this option of `socket` says."""
        return self.options.flag(socket.SOL_SOCKET, getattr(socket, option, 0))

    def receive(self, packet: Packet) -> bool:
        """A datagram for this socket; whether there is room for it."""
        size = len(packet.data) + _OVERHEAD
        if self._arrived and self._arrived_size + size > self.options.get(*_RECEIVE):
            self._dropped += 1
            return False
        self._arrived.append(packet)
        self._arrived_size += size
        self.changed()
        return True

    def refuse(self, packet: Packet) -> None:
        """What was sent found nobody (ICMP: port unreachable)."""
        reporting = self.options.flag(*RECVERR[self.family])
        if self.peer == packet.target or reporting:
            self._error = oserror(errno.ECONNREFUSED)
            if reporting:
                self._reports.append(packet)
            self.changed()

    def left(self, size: int) -> None:
        """So many bytes have left its host."""
        self._leaving_size -= size
        self.changed()

    # -- private ----------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self.closed:
            raise oserror(errno.EBADF)

    def _check_family(self, host: str) -> None:
        self._check_open()
        if ":" in host and self.family == socket.AF_INET:
            raise oserror(errno.EAFNOSUPPORT)

    def _six_only(self, host: str) -> bool:
        """Whether `host` is of IPv4, and this is not for it."""
        return ":" not in host and self.options.flag(*_SIX_ONLY)

    def _target(self, target: Place) -> Place:
        """Where a datagram goes that is sent to `target`; "anywhere" is this host itself."""
        host, port = target
        self._check_family(host)
        if self.family == socket.AF_INET6:
            other = ":" in self._bound and not isAnywhere(self._bound)
            if ":" not in host and (other or self._six_only(host)):
                raise oserror(errno.ENETUNREACH)
            if ":" in host and ":" not in self.address and not isAnywhere(host):
                raise oserror(errno.EAFNOSUPPORT)
        if not isAnywhere(host):
            return target
        if ":" in self.address or isAnywhere(self.address):
            return LOOPBACK[familyOf(self.address)], port
        return self.address, port

    def _ensure_bound(self) -> None:
        if not self.port:
            self._kernel.bind(self, self.address, 0)

    def _from(self, host: str) -> str:
        """The address that datagrams to `host` come from."""
        known = not isAnywhere(self.address) and familyOf(self.address) == familyOf(host)
        return self.address if known else self._kernel.addressFor(host)

    def _send(self, datagram: bytes, target: Place, control: Control | None = None) -> int:
        self._check_open()
        self._ensure_bound()
        target = self._target(target)
        self._tell()
        self._check_size(len(datagram), target[0])
        if not target[1]:
            raise oserror(errno.EINVAL)
        if target[0] == BROADCAST and not self.options.flag(socket.SOL_SOCKET, socket.SO_BROADCAST):
            raise oserror(errno.EACCES)
        source, tos = self._from(target[0]), 0
        for level, kind, data in control or ():
            if (level, kind) in _CLASSES:
                (tos,) = struct.unpack("=i", data)
            else:
                source = unpacked(data[4:8] if level == V4 else data[:16])
                if not self._kernel.owns(source):
                    raise oserror(errno.EINVAL)
        if self._leaving_size and self._leaving_size + len(datagram) > self.options.get(*_SEND):
            raise oserror(errno.EAGAIN)
        self._leaving_size += len(datagram)
        packet = Packet((source, self.port), target, datagram, tos or self._tos())
        self._kernel.send(self, packet)
        return len(datagram)

    def _check_size(self, size: int, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if size > min(_LONGEST[family], self._kernel.wire.conditions.mtu - _HEADERS[family]):
            raise oserror(errno.EMSGSIZE)

    def _tos(self) -> int:
        six = self.family == socket.AF_INET6
        return int(self.options.get(*((V6, socket.IPV6_TCLASS) if six else (V4, socket.IP_TOS))))

    def _tell(self) -> None:
        self._check_open()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _next(self) -> Packet:
        self._tell()
        if not self._arrived:
            raise oserror(errno.EAGAIN)
        packet = self._arrived.popleft()
        self._arrived_size -= len(packet.data) + _OVERHEAD
        return packet
