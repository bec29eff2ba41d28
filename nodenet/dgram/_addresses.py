"""Addresses as Node shows them, and the senders that were seen lately.

Law: a sender's text is made once and kept, up to a bound: senders can be forged.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from nodenet.transports.udp_address import shown

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


class Senders(dict[Any, RemoteInfo]):
    """By the address that the kernel gave, what was last told of it."""

    def tell(self, source: Any, size: int) -> RemoteInfo:
        """The information for a datagram of `size` bytes from `source`."""
        known = self.get(source)
        if known is not None:
            info = known._replace(size=size)
        else:
            if len(self) >= _SEEN:
                self.clear()
            info = RemoteInfo(*addressInfo(source), size)
        self[source] = info
        return info


def addressInfo(raw: bytes | tuple[Any, ...]) -> AddressInfo:
    """The named form of an address of the kernel's."""
    address, port = shown(raw)
    return AddressInfo(address, "IPv6" if ":" in address else "IPv4", port)
