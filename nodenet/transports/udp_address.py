"""Where datagrams go and come from, packed for the kernel and open for people.

Law: a name is never looked up here, and what the kernel gave comes back to it unchanged.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any, Final

from nodenet.addresses.ip import pack_unzoned
from nodenet.transports.address import rawAddress
from nodenet.transports.udp_control import ControlMessages

_LINK_LOCAL: Final = ("fe8", "fe9", "fea", "feb")  # fe80::/10
_FAMILY: Final = struct.Struct("=H")
_IPV4: Final = struct.Struct("!2xH4s8x")
_IPV6: Final = struct.Struct("!2xHI16s")
_SCOPE: Final = struct.Struct("=I")


class Destination(bytes):
    """A packed address (``struct sockaddr``), as `sendmmsg` takes it.

    Attributes:
        raw: The same for Python's `socket`.
        address: As the user wrote it, for errors.
        port: The port, 1 to 65,535.
        control: Control messages that go with a datagram.
    """

    raw: Any
    address: str | None
    port: int | None
    control: ControlMessages | None = None


NOWHERE: Final = Destination()
"""Where a connected socket sends."""
NOWHERE.raw = NOWHERE.address = NOWHERE.port = None


def destination(numeric: str, port: int, family: int, address: str | None = None) -> Destination:
    """Pack a numeric address.

    Args:
        numeric: An IP address of `family`; IPv6 may have a zone.
        port: 0 to 65,535.
        family: ``AF_INET`` or ``AF_INET6``.
        address: What errors name instead of `numeric`: the host name that it was looked up for.

    Raises:
        OSError: ``EINVAL``, it is no address of this family.
    """
    packed = pack_unzoned(numeric, family)
    if packed is None:
        raise OSError(errno.EINVAL, "no address of this family")
    raw = rawAddress(numeric, port)
    if family == socket.AF_INET:
        tail = _IPV4.pack(port, packed)
    else:
        tail = _IPV6.pack(port, 0, packed) + _SCOPE.pack(raw[3] if len(raw) == 4 else 0)
    made = Destination(_FAMILY.pack(family) + tail[2:])
    made.raw = raw
    made.address = numeric if address is None else address
    made.port = port
    return made


def withControl(to: Destination, control: ControlMessages) -> Destination:
    """The same destination, with control messages."""
    made = Destination(to)
    made.raw, made.address, made.port = to.raw, to.address, to.port
    made.control = control
    return made


def unpacked(source: bytes | tuple[Any, ...]) -> tuple[Any, ...]:
    """The sender of a datagram as Python's `socket` shows it: (host, port[, flow, scope])."""
    if isinstance(source, tuple):
        return source
    if len(source) == _IPV4.size:
        port, packed = _IPV4.unpack(source)
        return socket.inet_ntop(socket.AF_INET, packed), port
    port, flow, packed = _IPV6.unpack_from(source)
    (scope,) = _SCOPE.unpack_from(source, 24)
    return socket.inet_ntop(socket.AF_INET6, packed), port, flow, scope


def shown(source: bytes | tuple[Any, ...]) -> tuple[str, int]:
    """The sender of a datagram for programs: its address and its port.

    As in Node only a link-local address has a zone.
    """
    raw = unpacked(source)
    zone = _zone(raw[3]) if len(raw) > 2 and raw[0].startswith(_LINK_LOCAL) else ""
    return raw[0] + zone, raw[1]


def _zone(scope: int) -> str:
    if not scope:
        return ""
    try:
        return f"%{socket.if_indextoname(scope)}"
    except OSError:
        return f"%{scope}"  # the interface has gone meanwhile


def text(raw: tuple[Any, ...]) -> str:
    """A raw address for people: ``127.0.0.1:53``, ``[::1]:53``."""
    return f"[{raw[0]}]:{raw[1]}" if len(raw) > 2 else f"{raw[0]}:{raw[1]}"
