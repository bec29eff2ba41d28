"""Addresses as Node shows them, and the senders that were seen lately.

Law: a sender's text is made once and kept, up to a bound: senders can be forged.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from nodenet.transports.udp_address import shown
from nodenet.transports.udp_control import Arrival

_SEEN: Final = 4096  # senders; all are forgotten when there are more


class AddressInfo(NamedTuple):
    """One end of a socket: what ``address()`` and ``remoteAddress()`` return."""

    address: str
    family: str
    port: int


class RemoteInfo(NamedTuple):
    """Who sent a datagram, and how many bytes it has.

    The `address` of a link-local sender ends in its interface: ``'fe80::1%eth0'``.
    """

    address: str
    family: str
    port: int
    size: int


class PacketInfo(NamedTuple):
    """A `RemoteInfo` with more: what a socket with the option ``packetInfo`` tells.

    `localAddress` is where the datagram was sent to, so `send` with ``fromAddress=`` answers from
    there; `localInterface` is the name of the interface it arrived on, and `tos` its traffic class.
    """

    address: str
    family: str
    port: int
    size: int
    localAddress: str
    localInterface: str
    tos: int

    @property
    def ecn(self) -> int:
        """The bits for Explicit Congestion Notification (RFC 3168), 0 to 3."""
        return self.tos & 3


class Senders(dict[Any, RemoteInfo | PacketInfo]):
    """By the address that the kernel gave, what was last told of it."""

    def tell(self, source: Any, size: int) -> RemoteInfo | PacketInfo:
        """The information for a datagram of `size` bytes from `source`."""
        known = self.get(source)
        info: RemoteInfo | PacketInfo
        if known is not None:
            info = known._replace(size=size)
        else:
            if len(self) >= _SEEN:
                self.clear()
            info = self.describe(source, size)
        self[source] = info
        return info

    def describe(self, source: Any, size: int) -> RemoteInfo | PacketInfo:
        """As `tell`, for a sender that was not seen lately."""
        if isinstance(source, Arrival):
            return PacketInfo(*addressInfo(source.source), size, *source[1:])
        return RemoteInfo(*addressInfo(source), size)


def addressInfo(raw: bytes | tuple[Any, ...]) -> AddressInfo:
    """The named form of an address of the kernel's."""
    address, port = shown(raw)
    return AddressInfo(address, "IPv6" if ":" in address else "IPv4", port)
