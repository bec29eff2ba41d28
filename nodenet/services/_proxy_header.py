"""The header that tells a target who its client is: the PROXY protocol, versions 1 and 2.

Law: a header says nothing but addresses in their canonical form and numbers; no text that came
from outside gets into it.

A receiver may refuse a header of version 2 that says "unspecified", but has to take one that says
"local": so that is what it is told of a client that has no address.
"""

from __future__ import annotations

import os
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_LOCAL, _PROXY = 0x20, 0x21  # the version, 2, and the command
_UNSPECIFIED, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
_PATH: Final = 108  # bytes of a path


class Ends(NamedTuple):
    """The two ends of a client's connection: addresses with ports, or paths without."""

    source: str | None
    sourcePort: int
    destination: str | None
    destinationPort: int


NOWHERE: Final = Ends(None, 0, None, 0)
"""Nothing is known of a client."""


def proxyHeader(version: int, ends: Ends, path: str | None = None) -> bytes:
    """What goes before the first byte to the target.

    Args:
        version: 1 or 2.
        ends: Of the client's connection; `NOWHERE` if it has no addresses.
        path: What the client has connected to, if that is a Unix socket; ``'@name'`` or
            ``'\\0name'`` if it is an abstract one.

    Returns:
        The header.
    """
    pair = _pair(ends)
    if version == 1:
        return _text(ends, pair)
    if pair is not None:
        kind = _TCP4 if pair[0].version == 4 else _TCP6
        ports = struct.pack("!HH", ends.sourcePort, ends.destinationPort)
        return _binary(_PROXY, kind, pair[0].packed + pair[1].packed + ports)
    if path is not None:
        name = os.fsencode(path)
        name = b"\0" + name[1:] if name.startswith(b"@") else name
        # Who connects to a Unix socket is not bound to a path himself.
        return _binary(_PROXY, _UNIX, bytes(_PATH) + name[:_PATH].ljust(_PATH, b"\0"))
    return _binary(_LOCAL, _UNSPECIFIED, b"")


def _text(ends: Ends, pair: tuple[IPv4Address | IPv6Address, ...] | None) -> bytes:
    if pair is None:
        return b"PROXY UNKNOWN\r\n"
    source, destination = pair
    ports = f"{ends.sourcePort} {ends.destinationPort}"
    return f"PROXY TCP{source.version} {source} {destination} {ports}\r\n".encode("ascii")


def _binary(command: int, kind: int, addresses: bytes) -> bytes:
    return _SIGNATURE + struct.pack("!BBH", command, kind, len(addresses)) + addresses


def _pair(ends: Ends) -> tuple[IPv4Address | IPv6Address, ...] | None:
    """Both addresses, of one family."""
    if ends.source is None or ends.destination is None:
        return None
    source, destination = _address(ends.source), _address(ends.destination)
    return (source, destination) if source.version == destination.version else None


def _address(text: str) -> IPv4Address | IPv6Address:
    """An address, without its zone; one of IPv4 that came in over IPv6 is one of IPv4."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
