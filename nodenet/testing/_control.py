"""A datagram on its way, and what a kernel tells of one beside its bytes.

Law: control messages are packed as Linux packs them; nothing here knows a socket.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Final, NamedTuple

from nodenet.testing._groups import V4, V6
from nodenet.testing._places import Place, familyOf, raw

INTERFACE: Final = 1
"""The index of the one interface that every host has."""

# Of Linux, where Python's socket module does not name them.
RECVERR: Final = {socket.AF_INET: (V4, 11), socket.AF_INET6: (V6, 25)}
"""The option by which a socket of a family asks for reports of errors."""

_PKTINFO: Final = (V4, getattr(socket, "IP_PKTINFO", 8))
_PKTINFO4: Final = struct.Struct("=I4s4s")
_PKTINFO6: Final = struct.Struct("=16sI")
_REPORT: Final = struct.Struct("=IBBBBII")  # struct sock_extended_err

Control = list[tuple[int, int, bytes]]


class Packet(NamedTuple):
    """A datagram on its way."""

    source: Place
    target: Place
    data: bytes
    tos: int = 0


def details(family: socket.AddressFamily, packet: Packet) -> Control:
    """Where a datagram was sent to and its class, for a socket of `family`."""
    host = raw(packet.target, family)[0]
    packed = socket.inet_pton(family, host)
    if family == socket.AF_INET:
        information = _PKTINFO4.pack(INTERFACE, packed, packed)
        return [(*_PKTINFO, information), (V4, socket.IP_TOS, bytes([packet.tos]))]
    information = _PKTINFO6.pack(packed, INTERFACE)
    tos = struct.pack("=i", packet.tos)
    return [(V6, socket.IPV6_PKTINFO, information), (V6, socket.IPV6_TCLASS, tos)]


def report(family: socket.AddressFamily, refused: Packet) -> tuple[int, int, bytes]:
    """The error of a datagram, for a socket of `family`: who refused it is its target."""
    host = refused.target[0]
    if ":" in host:
        kind, offender = (3, 1, 4), struct.pack("=HHI", socket.AF_INET6, 0, 0)
    else:
        kind, offender = (2, 3, 3), struct.pack("=HH", socket.AF_INET, 0)
    offender = (offender + socket.inet_pton(familyOf(host), host)).ljust(28, b"\0")
    return (*RECVERR[family], _REPORT.pack(errno.ECONNREFUSED, *kind, 0, 0, 0) + offender)
