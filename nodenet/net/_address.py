"""What the kernel calls an address, as Node shows it.

Law: named tuples with Node's field names; nothing here asks the kernel for anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class AddressInfo(NamedTuple):
    """Where a socket is bound: what ``address()`` returns."""

    address: str
    family: str
    port: int


class DropInfo(NamedTuple):
    """Both ends of a connection that a server dropped: the data of ``'drop'``."""

    localAddress: str
    localPort: int
    localFamily: str
    remoteAddress: str
    remotePort: int
    remoteFamily: str


def addressInfo(raw: Sequence[Any]) -> AddressInfo:
    """The named form of a raw IPv4 (2 parts) or IPv6 (4 parts) address."""
    return AddressInfo(raw[0], "IPv6" if len(raw) > 2 else "IPv4", raw[1])
