"""What comes and goes beside a datagram: where it was sent to, its traffic class, ICMP errors.

Law: only here are control messages (``struct cmsghdr``) read or written; what the system does not
have is refused with ``ENOTSUP`` when it is asked for.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import Any, Final, NamedTuple

from nodenet.addresses.ip import pack_unzoned
from nodenet.transports.address import rawAddress

# Where Python's socket module does not name them.
_IP_PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)
_IP_RECVERR: Final = getattr(socket, "IP_RECVERR", 11)
_IPV6_RECVERR: Final = 25
_SO_MEMINFO: Final = 55
_MSG_ERRQUEUE: Final = getattr(socket, "MSG_ERRQUEUE", 0x2000)

_PKTINFO4: Final = struct.Struct("=I4s4s")  # interface, local address, address in the header
_PKTINFO6: Final = struct.Struct("=16sI")
_ERROR: Final = struct.Struct("=IBBBBII")  # struct sock_extended_err
_MEMORY: Final = struct.Struct("=9I")
_DROPS: Final = 8
_ROOM: Final = 512  # bytes for control messages
_LARGEST: Final = 65_536

ControlMessages = list[tuple[int, int, bytes]]


class Arrival(NamedTuple):
    """Where a datagram came from and where it was sent to."""

    source: Any
    localAddress: str
    localInterface: str
    tos: int


class NetworkError(NamedTuple):
    """What the network reported of a datagram that was sent."""

    errno: int
    destination: Any
    offender: str | None
    mtu: int | None


def askForDetails(skt: socket.socket) -> None:
    """Have each datagram come with its destination and traffic class.

    Raises:
        OSError: As the kernel words it.
    """
    _linux()
    if skt.family == socket.AF_INET6:
        skt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        skt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    else:
        skt.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        skt.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)


def askForErrors(skt: socket.socket) -> None:
    """Have ICMP errors kept, each with the destination that it is about.

    Raises:
        OSError: As the kernel words it.
    """
    _linux()
    if skt.family == socket.AF_INET6:
        skt.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        skt.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def receive(skt: socket.socket, capacity: int) -> tuple[bytes, Arrival]:
    """One datagram of at most `capacity` bytes, and its details.

    Raises:
        OSError: As the kernel words it.
    """
    datagram, control, _, source = skt.recvmsg(capacity, _ROOM)
    address, interface, tos = "", 0, 0
    for level, kind, data in control:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            interface, _, packed = _PKTINFO4.unpack_from(data)
            address = socket.inet_ntop(socket.AF_INET, packed)
        elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            packed, interface = _PKTINFO6.unpack_from(data)
            address = socket.inet_ntop(socket.AF_INET6, packed)
        elif _is_class(level, kind):
            tos = data[0] if len(data) == 1 else struct.unpack_from("=i", data)[0]
    return datagram, Arrival(source, address, _interface_name(interface), tos)


def receiveError(skt: socket.socket) -> NetworkError:
    """The oldest error that the network has reported.

    Raises:
        OSError: As the kernel words it; `BlockingIOError` when there is none.
    """
    _, control, _, destination = skt.recvmsg(_LARGEST, _ROOM, _MSG_ERRQUEUE)
    for level, kind, data in control:
        if (level, kind) in _ERRORS:
            number, _, _, _, _, info, _ = _ERROR.unpack_from(data)
            mtu = info if number == errno.EMSGSIZE else None
            return NetworkError(number, destination, _offender(data[_ERROR.size :]), mtu)
    return NetworkError(errno.EIO, destination, None, None)


def controlFor(family: int, fromAddress: str | None, tos: int | None) -> ControlMessages:
    """What to send with a datagram.

    Args:
        family: The socket's.
        fromAddress: The address to send from; IPv6 may have a zone.
        tos: The traffic class, 0 to 255.

    Raises:
        OSError: ``EINVAL``, it is no address of this family.
    """
    _linux()
    control: ControlMessages = []
    if fromAddress is not None:
        packed = pack_unzoned(fromAddress, family)
        if packed is None:
            raise OSError(errno.EINVAL, "no address of this family")
        if family == socket.AF_INET6:
            raw = rawAddress(fromAddress, 0)
            information = _PKTINFO6.pack(packed, raw[3] if len(raw) == 4 else 0)
            control.append((socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, information))
        else:
            information = _PKTINFO4.pack(0, packed, bytes(4))
            control.append((socket.IPPROTO_IP, _IP_PKTINFO, information))
    if tos is not None:
        control.append((*_class(family), struct.pack("=i", tos)))
    return control


def setTOS(skt: socket.socket, tos: int) -> None:
    """Set the traffic class of what is sent: DSCP in the upper six bits, ECN in the lower two.

    Raises:
        OSError: As the kernel words it.
    """
    skt.setsockopt(*_class(skt.family), tos)


def getTOS(skt: socket.socket) -> int:
    """Return it."""
    return skt.getsockopt(*_class(skt.family))


def droppedCount(skt: socket.socket) -> int:
    """How many datagrams the kernel has dropped because the socket's buffer was full.

    It is the counter of ``SO_RXQ_OVFL``, read without a control message on each datagram.

    Raises:
        OSError: As the kernel words it; ``ENOTSUP`` on other systems than Linux.
    """
    _linux()
    memory = skt.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
    return int(_MEMORY.unpack(memory)[_DROPS])


_ERRORS: Final = {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}


def _class(family: int) -> tuple[int, int]:
    if family == socket.AF_INET6:
        return socket.IPPROTO_IPV6, socket.IPV6_TCLASS
    return socket.IPPROTO_IP, socket.IP_TOS


def _is_class(level: int, kind: int) -> bool:
    return (level, kind) in (_class(socket.AF_INET), _class(socket.AF_INET6))


def _interface_name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""


def _offender(address: bytes) -> str | None:
    """Who reported it: a ``struct sockaddr`` behind the error."""
    family = int.from_bytes(address[:2], sys.byteorder) if len(address) >= 16 else 0
    if family == socket.AF_INET:
        return socket.inet_ntop(family, address[4:8])
    if family == socket.AF_INET6 and len(address) >= 24:
        return socket.inet_ntop(family, address[8:24])
    return None


def _linux() -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "only on Linux")
