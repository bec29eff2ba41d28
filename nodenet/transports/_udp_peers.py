"""Peers as Twisted's protocols write them, and as the kernel does: both kept, up to a bound.

Law: an address is translated once and looked up from then on; senders can be forged, so when there
are too many all are forgotten.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.error import InvalidAddressError

from nodenet.addresses import isIP
from nodenet.transports.udp_address import Destination, destination, shown

_KNOWN: Final = 1_024

Peer = tuple[str, int]


class Senders(dict[Any, Peer]):
    """``senders[source]``: Twisted's address of whom the kernel calls `source`."""

    def __missing__(self, source: Any) -> Peer:
        if len(self) >= _KNOWN:
            self.clear()
        peer = self[source] = shown(source)
        return peer


class Destinations(dict[Peer, Destination]):
    """``destinations[peer]``: the packed address of a peer of `family`.

    Raises:
        InvalidAddressError: The peer's host is a name, or of another family.
        OverflowError: Its port is none, as sockets of Python say it.
    """

    def __init__(self, family: int) -> None:
        super().__init__()
        self._family = family

    def __missing__(self, peer: Peer) -> Destination:
        host, port = peer
        numeric = numericHost(host)
        if not isIP(numeric):
            raise InvalidAddressError(host, "write() only accepts IP addresses, not hostnames")
        if not 0 <= port <= 65_535:
            raise OverflowError(f"port must be 0-65535, not {port}")
        try:
            packed = destination(numeric, port, self._family)
        except OSError:
            raise InvalidAddressError(host, "write() on a port of the other family") from None
        if len(self) >= _KNOWN:
            self.clear()
        self[peer] = packed
        return packed


def numericHost(host: str) -> str:
    """The address that Python calls ``'<broadcast>'``; any other host as it is."""
    return "255.255.255.255" if host == "<broadcast>" else host
