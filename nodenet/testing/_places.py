"""Addresses in a fake network.

Law: a `Place` has one form: text as the C library writes it, IPv4 never in the clothes of IPv6.
"""

from __future__ import annotations

import errno
import os
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from nodenet.addresses import isIP

Place = tuple[str, int]
"""An address and a port."""

BROADCAST: Final = "255.255.255.255"
LOOPBACK: Final = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
ANYWHERE: Final = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}


def oserror(number: int) -> OSError:
    """An error as the kernel words it."""
    return OSError(number, os.strerror(number))


def numeric(text: str) -> str:
    """The one form of an address.

    :raises OSError: ``EINVAL``, it is none.
    """
    if not isIP(text):
        raise oserror(errno.EINVAL)
    address = ip_address(text.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def place(raw: Any) -> Place:
    """What Python's `socket` takes for an address."""
    return numeric(raw[0]), raw[1]


def raw(where: Place, family: int) -> tuple[Any, ...]:
    """What Python's `socket` shows of a place to a socket of `family`."""
    host, port = where
    if family == socket.AF_INET:
        return host, port
    return (host if ":" in host else f"::ffff:{host}"), port, 0, 0


def familyOf(host: str) -> socket.AddressFamily:
    """The family of an address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def unpacked(packed: bytes) -> str:
    """The text of an address in network order, 4 or 16 bytes."""
    return numeric(str(IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)))


def isAnywhere(host: str) -> bool:
    return host in ANYWHERE.values()


def isLoopback(host: str) -> bool:
    return ip_address(host).is_loopback


def isGroup(host: str) -> bool:
    return ip_address(host).is_multicast


def written(where: Place) -> str:
    """For people."""
    host, port = where
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
