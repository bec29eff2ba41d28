"""The IP address and port at the front of text, read as a browser reads ``http://`` before it.

Law: this is the URL standard's parser (https://url.spec.whatwg.org/#host-parsing) as far as it
leads to IP addresses; whatever leads to another host is refused. Its generosity is Node's:
``127.1``, ``0x7f.1`` and full-width digits are addresses; a user name, a path, a query and line
breaks are passed over; and port 80 is 0, because it is the default of ``http:``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from socket import AF_INET6
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from nodenet.addresses.ip import pack

_DEFAULT_PORT = 80
_TABS_AND_BREAKS = str.maketrans("", "", "\t\n\r")
_TRIMMED = "".join(map(chr, range(0x21)))

_split: Callable[[str], re.Match[str] | None] = re.compile(
    r"[/\\]*(?:[^/\\?#]*@)?(?:\[(?P<ipv6>[^]]*)\]|(?P<ipv4>[^:@/\\?#]+))(?::0*(?P<port>[0-9]{0,5}))?"
    r"(?:[/\\?#].*)?",
    re.DOTALL,
).fullmatch

_number: Callable[[str], re.Match[str] | None] = re.compile(
    r"0[xX](?P<hex>[0-9a-fA-F]*)|(?P<octal>0[0-7]*)|(?P<decimal>[1-9][0-9]{0,9})"
).fullmatch

# What UTS #46 (https://www.unicode.org/reports/tr46/) maps to a dot, and what it passes over.
_DOTS = dict.fromkeys((0x3002, 0xFF0E, 0xFF61), ".")
_IGNORED = dict.fromkeys(
    (
        0xAD,
        0x34F,
        *range(0x180B, 0x180E),
        0x180F,
        0x200B,
        0x2060,
        0x2064,
        *range(0xFE00, 0xFE10),
        0xFEFF,
        *range(0x1BCA0, 0x1BCA4),
        *range(0xE0100, 0xE01F0),
    )
)


class Authority(NamedTuple):
    """A packed address and a port."""

    address: bytes
    port: int


def parse(text: str) -> Authority | None:
    """Read an address and perhaps a port.

    Args:
        text: Such as ``'1.2.3.4:567'`` or ``'[::1]:567'``.

    Returns:
        Both, the port 0 when there is none; or None when the host is not an IP address.
    """
    match = _split(text.rstrip(_TRIMMED).translate(_TABS_AND_BREAKS))
    if match is None:
        return None
    port = int(match["port"] or 0)
    host = match["ipv4"]
    address = _ipv4(host) if host is not None else pack(match["ipv6"], AF_INET6)
    if address is None or port > 0xFFFF:
        return None
    return Authority(address, 0 if port == _DEFAULT_PORT else port)


def _ipv4(host: str) -> bytes | None:
    """Pack one to four numbers, of which the last fills what the others leave."""
    unquoted = unquote_to_bytes(host.encode(errors="replace")).decode(errors="replace")
    parts = _mapped(unquoted).split(".")
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    *numbers, last = map(_value, parts)
    width = 4 - len(numbers)
    if width < 1 or max(numbers, default=0) > 0xFF or not last < 1 << 8 * width:
        return None
    return bytes(map(int, numbers)) + int(last).to_bytes(width, "big")


def _value(part: str) -> float:
    match = _number(part)
    if match is None:
        return math.inf
    if match["decimal"]:
        return int(part)
    return int(match["octal"], 8) if match["octal"] else int(match["hex"] or "0", 16)


def _mapped(host: str) -> str:
    """What UTS #46 maps a host to, as far as that can be an IPv4 address."""
    if host.isascii():
        return host
    host = host.translate(_DOTS | _IGNORED)
    return "".join(one if one.isascii() else _digits(one) for one in host)


def _digits(character: str) -> str:
    mapped = unicodedata.normalize("NFKC", character)
    return "\ufffd" if "." in mapped else mapped  # such as U+2488: "1."
