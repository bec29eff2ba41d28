"""The rules of a BlockList: their text, and which addresses they match.

Law: IPv4 addresses stand among IPv6 ones as IPv4-mapped (RFC 4291, 2.5.5.2), and a rule is a span
of them. So IPv4-mapped addresses match IPv4 rules, and ``::/0`` matches IPv4 addresses, as in Node.
Only a range knows better: an address that does not compare with both its ends is not in it, and
an IPv4 address compares with IPv4 and IPv4-mapped ones alone.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

from nodenet.addresses._edges import Span

Spans = tuple[Span | None, Span | None]
"""What a rule matches among IPv4 and among IPv6 addresses."""

_MAPPED = bytes(10) + b"\xff\xff"
_LOWEST = _MAPPED + bytes(4)
_HIGHEST = _MAPPED + b"\xff" * 4


class AddressRule(NamedTuple):
    """One address, packed."""

    address: bytes

    def __str__(self) -> str:
        return f"Address: {_version(self.address)} {unpack(self.address)}"

    @property
    def spans(self) -> Spans:
        """What this rule matches."""
        return _spans(self.address, self.address)


class RangeRule(NamedTuple):
    """All addresses from the first to the last, packed, which may be of two families."""

    first: bytes
    last: bytes

    def __str__(self) -> str:
        return f"Range: {_version(self.first)} {unpack(self.first)}-{unpack(self.last)}"

    @property
    def spans(self) -> Spans:
        """What this rule matches."""
        ipv4, ipv6 = _spans(self.first, self.last)
        if all(map(_is_ipv4, self)):
            return ipv4, ipv6
        if len(self.first) == len(self.last):
            return None, ipv6
        return None, ipv4 and _spans(*ipv4)[1]  # IPv4-mapped addresses compare with both ends


class SubnetRule(NamedTuple):
    """All addresses that begin with the same bits as a packed one."""

    network: bytes
    prefix: int

    def __str__(self) -> str:
        return f"Subnet: {_version(self.network)} {unpack(self.network)}/{self.prefix}"

    @property
    def spans(self) -> Spans:
        """What this rule matches."""
        size = len(self.network)
        hosts = (1 << (size * 8 - self.prefix)) - 1
        network = int.from_bytes(self.network, "big")
        first, last = network & ~hosts, network | hosts
        return _spans(first.to_bytes(size, "big"), last.to_bytes(size, "big"))


Rule = AddressRule | RangeRule | SubnetRule


def unpack(address: bytes) -> str:
    """Return a packed address as text."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def is_behind(one: bytes, other: bytes) -> bool:
    """Return whether a packed address comes after another that it compares with."""
    comparable = len(one) == len(other) or (_is_ipv4(one) and _is_ipv4(other))
    return comparable and _as_ipv6(one) > _as_ipv6(other)


def _spans(first: bytes, last: bytes) -> Spans:
    if len(first) == len(last) == 4:
        return (first, last), (_MAPPED + first, _MAPPED + last)
    first, last = _as_ipv6(first), _as_ipv6(last)
    low, high = max(first, _LOWEST), min(last, _HIGHEST)
    return (low[12:], high[12:]) if low <= high else None, (first, last)


def _is_ipv4(address: bytes) -> bool:
    return len(address) == 4 or address.startswith(_MAPPED)


def _as_ipv6(address: bytes) -> bytes:
    return _MAPPED + address if len(address) == 4 else address


def _version(address: bytes) -> str:
    return "IPv4" if len(address) == 4 else "IPv6"
