"""Addresses as the kernel takes them.

Law: a name is never looked up here.
"""

from __future__ import annotations

import socket


def rawAddress(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What `bind` and `connect` take for a numeric address; a zone id becomes the scope."""
    if ":" not in address:
        return (address, port)
    host, _, zone = address.partition("%")
    return (host, port, 0, _scope(zone) if zone else 0)


def _scope(zone: str) -> int:
    try:
        index = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    except (OSError, ValueError):
        return 0  # no such interface: the kernel refuses the address
    return index if index < 2**32 else 0
