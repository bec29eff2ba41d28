"""What an IP address looks like.

Law: text is an address exactly when the C library's ``inet_pton`` takes it; IPv6 may end in a zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_pton

_is_zone: Callable[[str], object] = re.compile(r"[0-9A-Za-z.:-]+").fullmatch


def isIP(input: object) -> int:
    """Say of which IP version an address is (``net.isIP``).

    Args:
        input: Text; anything else is judged by its text. IPv4 has four decimal numbers without
            leading zeros; IPv6 may end in an IPv4 address and in a zone: ``fe80::1%eth0``.

    Returns:
        4, 6, or 0 when it is no IP address.
    """
    text = _text(input)
    return 4 if _is_ipv4(text) else 6 if _is_ipv6(text) else 0


def isIPv4(input: object) -> bool:
    """Return whether `input` is an IPv4 address (``net.isIPv4``); see `isIP`."""
    return _is_ipv4(_text(input))


def isIPv6(input: object) -> bool:
    """Return whether `input` is an IPv6 address (``net.isIPv6``); see `isIP`."""
    return _is_ipv6(_text(input))


def pack(text: str, family: int) -> bytes | None:
    """Turn an address into its bytes in network order: 4 or 16.

    Args:
        text: An address without a zone.
        family: ``AF_INET`` or ``AF_INET6``.

    Returns:
        The bytes, or None when it is no address of this family.
    """
    try:
        return inet_pton(family, text)
    except (OSError, ValueError):  # ValueError: a NUL or a lone surrogate
        return None


def pack_unzoned(text: str, family: int) -> bytes | None:
    """Turn an address into its bytes as sockets do, which look at nothing behind a NUL.

    Args:
        text: An address. IPv6 may end in ``%`` and any text, which is dropped.
        family: ``AF_INET`` or ``AF_INET6``.

    Returns:
        The bytes, or None when it is no address of this family.
    """
    text = text.partition("\0")[0]
    return pack(text.partition("%")[0] if family == AF_INET6 else text, family)


def _is_ipv4(text: str) -> bool:
    return pack(text, AF_INET) is not None


def _is_ipv6(text: str) -> bool:
    address, percent, zone = text.partition("%")
    if percent and not _is_zone(zone):
        return False
    return pack(address, AF_INET6) is not None


def _text(value: object) -> str:
    """What a JavaScript regular expression would see of a value."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    if isinstance(value, (int, float)):
        return ""  # whatever its text, it is no address
    return str(value)
