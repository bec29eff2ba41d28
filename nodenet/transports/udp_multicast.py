"""Multicast on a UDP socket: groups, sources, interfaces.

Law: which family's option is set follows from the address that is given, as in libuv, so it is the
kernel that refuses an address of the wrong family, in its own words.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import Final

from nodenet.addresses.ip import pack_unzoned
from nodenet.transports.address import rawAddress

_INDEX: Final = struct.Struct("=I")
_PADDING: Final = 4 if struct.calcsize("P") == 8 else 0
_DARWIN: Final = sys.platform == "darwin"

# Where Python's socket module does not name them.
_IP_ADD_SOURCE: Final = getattr(socket, "IP_ADD_SOURCE_MEMBERSHIP", 70 if _DARWIN else 39)
_IP_DROP_SOURCE: Final = getattr(socket, "IP_DROP_SOURCE_MEMBERSHIP", 71 if _DARWIN else 40)
_MCAST_JOIN_SOURCE: Final = 82 if _DARWIN else 46
_MCAST_LEAVE_SOURCE: Final = 83 if _DARWIN else 47


def checkAddresses(*addresses: str) -> None:
    """Refuse what are no addresses of one family, before a socket is bound for their sake.

    Raises:
        OSError: ``EINVAL``.
    """
    families = (socket.AF_INET, socket.AF_INET6)
    if not any(all(pack_unzoned(one, family) for one in addresses) for family in families):
        raise OSError(errno.EINVAL, "no addresses of one family")


def setMembership(skt: socket.socket, group: str, interface: str | None, join: bool) -> None:
    """Join or leave a group.

    Args:
        skt: The socket, bound.
        group: The multicast address.
        interface: IPv4: an address of the interface; IPv6: an address with its zone. None: as the
            system chooses.
        join: Whether to join.

    Raises:
        OSError: As the kernel words it; ``EINVAL`` when an address is none.
    """
    packed = pack_unzoned(group, socket.AF_INET)
    if packed is not None:
        option = socket.IP_ADD_MEMBERSHIP if join else socket.IP_DROP_MEMBERSHIP
        skt.setsockopt(socket.IPPROTO_IP, option, packed + _interface4(interface))
        return
    packed = _packed(group, socket.AF_INET6)
    option = socket.IPV6_JOIN_GROUP if join else socket.IPV6_LEAVE_GROUP
    skt.setsockopt(socket.IPPROTO_IPV6, option, packed + _INDEX.pack(_interface6(interface)))


def setSourceMembership(
    skt: socket.socket, source: str, group: str, interface: str | None, join: bool
) -> None:
    """Join or leave a group for what one source sends. As `setMembership`."""
    packed = pack_unzoned(group, socket.AF_INET)
    if packed is not None:
        sender, receiver = _packed(source, socket.AF_INET), _interface4(interface)
        request = packed + (sender + receiver if _DARWIN else receiver + sender)
        skt.setsockopt(socket.IPPROTO_IP, _IP_ADD_SOURCE if join else _IP_DROP_SOURCE, request)
        return
    request = (
        _INDEX.pack(_interface6(interface))
        + bytes(_PADDING)
        + _storage(_packed(group, socket.AF_INET6))
        + _storage(_packed(source, socket.AF_INET6))
    )
    option = _MCAST_JOIN_SOURCE if join else _MCAST_LEAVE_SOURCE
    skt.setsockopt(socket.IPPROTO_IPV6, option, request)


def setMulticastInterface(skt: socket.socket, interface: str) -> None:
    """Send multicast on the interface with this address (IPv4) or this zone (IPv6).

    Raises:
        OSError: As the kernel words it; ``EINVAL`` when `interface` is no address.
    """
    packed = pack_unzoned(interface, socket.AF_INET)
    if packed is not None:
        skt.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, packed)
    else:
        index = _interface6(interface)
        skt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)


def setMulticastTTL(skt: socket.socket, hops: int) -> None:
    """Set how many hops multicast makes, 0 to 255.

    Raises:
        OSError: As the kernel words it; ``EINVAL`` beyond.
    """
    _check(0 <= hops <= 255)
    _set(skt, socket.IP_MULTICAST_TTL, socket.IPV6_MULTICAST_HOPS, hops)


def setTTL(skt: socket.socket, hops: int) -> None:
    """Set how many hops datagrams make, 1 to 255. As `setMulticastTTL`."""
    _check(1 <= hops <= 255)
    _set(skt, socket.IP_TTL, socket.IPV6_UNICAST_HOPS, hops)


def getMulticastTTL(skt: socket.socket) -> int:
    """Return how many hops multicast makes."""
    return _get(skt, socket.IP_MULTICAST_TTL, socket.IPV6_MULTICAST_HOPS)


def getMulticastLoopback(skt: socket.socket) -> int:
    """Return whether this host's own sockets hear what this one sends."""
    return _get(skt, socket.IP_MULTICAST_LOOP, socket.IPV6_MULTICAST_LOOP)


def setMulticastLoopback(skt: socket.socket, enabled: bool) -> None:
    """Let this host's own sockets hear what this one sends, or not.

    Raises:
        OSError: As the kernel words it.
    """
    _set(skt, socket.IP_MULTICAST_LOOP, socket.IPV6_MULTICAST_LOOP, enabled)


def _set(skt: socket.socket, option4: int, option6: int, value: int) -> None:
    if skt.family == socket.AF_INET6:
        skt.setsockopt(socket.IPPROTO_IPV6, option6, value)
    else:
        skt.setsockopt(socket.IPPROTO_IP, option4, value)


def _get(skt: socket.socket, option4: int, option6: int) -> int:
    if skt.family == socket.AF_INET6:
        return skt.getsockopt(socket.IPPROTO_IPV6, option6)
    return skt.getsockopt(socket.IPPROTO_IP, option4)


def _check(valid: bool) -> None:
    if not valid:
        raise OSError(errno.EINVAL, "out of range")


def _packed(address: str, family: int) -> bytes:
    packed = pack_unzoned(address, family)
    if packed is None:
        raise OSError(errno.EINVAL, "no address of this family")
    return packed


def _interface4(interface: str | None) -> bytes:
    return bytes(4) if interface is None else _packed(interface, socket.AF_INET)


def _interface6(interface: str | None) -> int:
    if interface is None:
        return 0
    _packed(interface, socket.AF_INET6)
    raw = rawAddress(interface, 0)
    return raw[3] if len(raw) == 4 else 0


def _storage(packed: bytes) -> bytes:
    """``struct sockaddr_storage`` of an IPv6 address."""
    if sys.platform == "linux":
        head = struct.pack("=HHI", socket.AF_INET6, 0, 0)
    else:
        head = struct.pack("=BBHI", 28, socket.AF_INET6, 0, 0)
    return (head + packed).ljust(128, b"\0")
