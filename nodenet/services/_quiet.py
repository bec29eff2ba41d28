"""When a connection of a stopping service has finished.

Law: no clock and no socket in here; a look is told the figures and says what to do. It names
each connection once.

A connection has finished when two looks, one after the other, find that it has nothing buffered and
that nothing went through it in between. Of what is buffered the kernel's part counts: an answer is
there until the client has acknowledged it. Only a request that is still on the wire cannot be seen.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

_Connection = TypeVar("_Connection", bound=Hashable)

LOOK_EVERY: Final = 0.05
"""Seconds from one look to the next."""


@dataclass(frozen=True)
class Figures:
    """What a look sees of one connection: bytes (or datagrams) through it, and still in it."""

    passed: int
    buffered: int


class Looks(Generic[_Connection]):
    """Which connections have finished, look by look."""

    def __init__(self) -> None:
        self._last: dict[_Connection, Figures] = {}
        self._finished: set[_Connection] = set()

    def look(self, now: Mapping[_Connection, Figures]) -> list[_Connection]:
        """The connections that have finished, given the figures of all that are open."""
        finished = [
            connection
            for connection, figures in now.items()
            if not figures.buffered
            and self._last.get(connection) == figures
            and connection not in self._finished
        ]
        self._last = dict(now)
        self._finished.update(finished)
        return finished
