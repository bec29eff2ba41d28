"""How many look-ups may be under way.

Law: each that was begun counts until it is answered, whatever became of who asked: nobody can end
one. So strangers who make a service ask again and again cannot make it remember without a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nodenet import dns
from nodenet.errors import lookupError


class LookUps:
    """Looks up, as the option `lookup` of a `dgram.Socket` and of `net.Socket.connect` does.

    Args:
        limit: How many look-ups there may be.
        reactor: The reactor whose threads do the work.
    """

    def __init__(self, limit: int, reactor: Any) -> None:
        self._limit = limit
        self._reactor = reactor
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return self._count >= self._limit

    def __call__(self, host: str, query: Any, found: Callable[..., object]) -> None:
        """Look a host up; who is one too many is told to try again: ``EAI_AGAIN``."""
        if self.full:
            found(lookupError("EAI_AGAIN", host))
            return

        def answered(*answer: Any) -> None:
            self._count -= 1
            found(*answer)

        self._count += 1
        dns.lookup(host, query, answered, reactor=self._reactor)
