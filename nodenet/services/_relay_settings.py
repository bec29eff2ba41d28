"""What a relay is told in figures, and what goes together with what.

Law: whatever makes no sense is a `ValueError` with one line, before anything is opened.
"""

from __future__ import annotations

import resource
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from nodenet.endpoints import Endpoint, UDPServerEndpoint
from nodenet.options import checkInteger
from nodenet.services._given import secondsOf
from nodenet.services._relay_stream import Limits

DEFAULT_LIMIT: Final = 1024
"""How many connections or sessions there may be at a time, unless that is said."""
DEFAULT_IDLE: Final = 600.0
"""Seconds that a connection may be quiet, unless that is said."""
DEFAULT_SESSION_IDLE: Final = 60.0
"""Seconds that a UDP session may be quiet, unless that is said."""
DEFAULT_CONNECT: Final = 10.0
"""Seconds that the target has to answer, unless that is said."""

_LONGEST: Final = 10**6  # seconds
_ANYWHERE: Final = frozenset({"", "0.0.0.0", "::"})
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SPARE: Final = 64  # descriptors for all but connections


@dataclass(frozen=True)
class Settings:
    """The figures.

    Attributes:
        datagrams: Whether datagrams are relayed, and not connections.
        most: How many connections or sessions there may be; None: as many as there can.
        limits: For how long.
        proxy: Which version of the PROXY protocol the target is told; None: none.

    Raises:
        ValueError: One is out of range, or means nothing for datagrams.
    """

    datagrams: bool
    most: int | None
    limits: Limits
    proxy: int | None

    def __post_init__(self) -> None:
        limits = self.limits
        for name, seconds in (
            ("connect time-out", limits.connect),
            ("idle time-out", limits.idle),
            ("time limit", limits.total),
        ):
            if not 0 <= secondsOf(seconds, name) <= _LONGEST:
                raise ValueError(f"the {name} must be 0 to {_LONGEST} seconds, not {seconds:g}")
        if self.most is not None and checkInteger(self.most, "maxConnections") < 1:
            raise ValueError(f"there must be room for 1 connection at least, not {self.most}")
        if self.proxy not in (None, 1, 2):
            raise ValueError(f"the PROXY protocol has versions 1 and 2, not {self.proxy}")
        if self.datagrams and not limits.idle:
            raise ValueError("a UDP session ends by being idle: its time-out cannot be 0")
        if self.datagrams and (limits.total or self.proxy):
            raise ValueError("a time limit and the PROXY protocol are for connections, not for UDP")

    def room(self, endpoints: int) -> int:
        """How many connections there may be on each endpoint, or sessions on all together."""
        if self.most is not None:
            return self.most
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files == resource.RLIM_INFINITY:
            return DEFAULT_LIMIT
        each = 1 if self.datagrams else 2 * endpoints
        return max(1, min(DEFAULT_LIMIT, (files - _SPARE) // each))


def checkTogether(
    endpoints: Iterable[Any], target: Any, to: str, settings: Settings, over_tls: bool
) -> None:
    """Refuse to relay datagrams to connections, to oneself, and the like.

    Args:
        endpoints: What is listened on.
        target: Where to.
        to: The target, as it was given.
        settings: The figures.
        over_tls: Whether a connection to the target begins with TLS.

    Raises:
        ValueError: It makes no sense.
    """
    endpoints = list(endpoints)
    if not endpoints:
        raise ValueError("a relay has to listen somewhere")
    for endpoint in endpoints:
        if isinstance(endpoint, UDPServerEndpoint) != settings.datagrams:
            raise ValueError(
                f"{endpoint} cannot be relayed to {to}: "
                f"UDP goes to UDP, and connections to connections"
            )
        if _leadsBack(endpoint, target):
            raise ValueError(f"{endpoint} would be relayed to itself, again and again: {to}")
    if settings.proxy and over_tls:
        raise ValueError(f"the PROXY protocol has to come before TLS, and {to} begins with TLS")


def _leadsBack(endpoint: Any, target: Any) -> bool:
    """Whether the target is what is listened on, as far as the strings show it."""
    if not isinstance(endpoint, Endpoint) or not isinstance(target, Endpoint):
        return False
    here, there = endpoint.options, target.options
    if "path" in here or "path" in there:
        return here.get("path") == there.get("path")
    if not here.get("port") or here["port"] != there.get("port"):
        return False
    address = here.get("address") or here.get("host") or ""
    host = there.get("host") or "localhost"
    return host in _HERE if address in _ANYWHERE | _HERE else host == address
