"""What a host of a fake network is to its sockets: addresses, ports, and who gets a datagram.

Law: it decides as Linux does, and refuses in its words.
"""

from __future__ import annotations

import errno
from itertools import count
from typing import TYPE_CHECKING, Final

from nodenet.testing._places import (
    BROADCAST,
    LOOPBACK,
    familyOf,
    isAnywhere,
    isGroup,
    isLoopback,
    oserror,
)

if TYPE_CHECKING:
    from nodenet.testing._control import Packet
    from nodenet.testing._datagrams import DatagramSocket
    from nodenet.testing._wire import Wire

_FIRST_PORT: Final = 50_001
_PORTS: Final = 65_535 - _FIRST_PORT + 1


class Kernel:
    """The kernel of one host.

    Args:
        wire: What joins it to others.
        addresses: The host's.
    """

    def __init__(self, wire: Wire, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses
        self.sockets: list[DatagramSocket] = []
        self.wire = wire
        self._ports = count()
        self._free_at = 0.0

    # -- from its sockets -------------------------------------------------------------------

    def bind(self, skt: DatagramSocket, address: str, port: int) -> None:
        """Give a socket its place.

        :raises OSError: as the kernel words it.
        """
        if not (isAnywhere(address) or isGroup(address) or self.owns(address)):
            raise oserror(errno.EADDRNOTAVAIL)
        before, skt.address = skt.address, address
        if not port:
            port = self._free_port()
        elif any(_conflict(skt, other) for other in self.sockets if other.port == port):
            skt.address = before
            raise oserror(errno.EADDRINUSE)
        skt.port = port
        self.sockets.append(skt)

    def unbind(self, skt: DatagramSocket) -> None:
        """A socket was closed."""
        if skt in self.sockets:
            self.release(skt)
            self.wire.emptied()

    def release(self, skt: DatagramSocket) -> None:
        """A socket gives its port back."""
        self.sockets.remove(skt)
        skt.port = 0

    def owns(self, address: str) -> bool:
        """Whether it is an address of this host."""
        return address in self.addresses or isLoopback(address)

    def addressFor(self, target: str) -> str:
        """The address that a datagram to `target` comes from.

        :raises OSError: ``ENETUNREACH``, there is none of that family.
        """
        if target in self.addresses:
            return target
        if isLoopback(target):
            return LOOPBACK[familyOf(target)]
        for address in self.addresses:
            if familyOf(address) == familyOf(target):
                return address
        raise oserror(errno.ENETUNREACH)

    def send(self, skt: DatagramSocket, packet: Packet) -> None:
        """A socket sends."""
        self.wire.carry(self, skt, packet)

    # -- from the wire ----------------------------------------------------------------------

    def leave(self, size: int, bandwidth: float | None) -> float:
        """So many bytes leave; in how many seconds they have."""
        if bandwidth is None:
            return 0
        now = float(self.wire.clock.seconds())
        self._free_at = max(self._free_at, now) + size / bandwidth
        return self._free_at - now

    def joined(self, group: str) -> bool:
        """Whether some socket has joined a group: then the host gets what is sent to it."""
        return any(skt.options.joined(group) for skt in self.sockets)

    def arrived(self, packet: Packet) -> None:
        """A datagram is here."""
        if isGroup(packet.target[0]) and not self.joined(packet.target[0]):
            return
        hearing = [skt for skt in self.sockets if skt.hears(packet)]
        to = packet.target[0]
        if not isGroup(to) and to != BROADCAST:
            if not hearing:
                self.wire.refused(self, packet)
            # The one that is most particular, and of those the latest.
            hearing = sorted(hearing, key=_particular)[-1:]
        for skt in hearing:
            if not skt.receive(packet):
                self.wire.dropped(packet)

    def refused(self, packet: Packet) -> None:
        """What was sent from here found nobody."""
        for skt in self.sockets:
            if skt.port == packet.source[1] and skt.covers(packet.source[0]):
                skt.refuse(packet)

    # -- private ----------------------------------------------------------------------------

    def _free_port(self) -> int:
        taken = {skt.port for skt in self.sockets}
        for _ in range(_PORTS):
            port = _FIRST_PORT + next(self._ports) % _PORTS
            if port not in taken:
                return port
        raise oserror(errno.EADDRINUSE)


def _conflict(new: DatagramSocket, other: DatagramSocket) -> bool:
    """Whether two sockets may not share their port."""
    for option in ("SO_REUSEADDR", "SO_REUSEPORT"):
        if new.shares(option) and other.shares(option):
            return False
    return new.covers(other.address) or other.covers(new.address)


def _particular(skt: DatagramSocket) -> tuple[bool, bool]:
    return skt.peer is not None, not isAnywhere(skt.address)
