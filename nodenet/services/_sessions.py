"""Which UDP sessions there are, and which one has to go.

Law: no clock and no socket in here; there are never more than `limit` sessions, whoever sends:
senders can be forged.

A session is *confirmed* once its client has sent again after an answer was sent to it: who forges
an address does not hear answers. When there are `limit` sessions, the unconfirmed one that was
quiet for longest makes room for a new one; a confirmed one never does. So a flood of forged
senders costs clients that have a conversation nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """What a session remembers for the table."""

    lastHeard: float
    answered: bool
    confirmed: bool


_Key = TypeVar("_Key", bound=Hashable)
_Session = TypeVar("_Session", bound=Timed)


class Sessions(Generic[_Key, _Session]):
    """The sessions by key.

    Args:
        limit: How many there may be.
        idle: Seconds without a datagram either way after which one has expired.
    """

    def __init__(self, limit: int, idle: float) -> None:
        self._limit = limit
        self._idle = idle
        # Both from the one that was quiet for longest to the latest.
        self._unconfirmed: OrderedDict[_Key, _Session] = OrderedDict()
        self._confirmed: OrderedDict[_Key, _Session] = OrderedDict()

    def get(self, key: _Key) -> _Session | None:
        """The session of a client, if it has one."""
        return self._confirmed.get(key) or self._unconfirmed.get(key)

    def full(self) -> bool:
        """Whether a new session needs room that has to be made."""
        return len(self) >= self._limit

    def dispensable(self) -> tuple[_Key, _Session] | None:
        """The session that makes room, if one has to."""
        return next(iter(self._unconfirmed.items()), None)

    def add(self, key: _Key, session: _Session, now: float) -> None:
        """A session begins. There must be room for it."""
        session.lastHeard = now
        self._unconfirmed[key] = session

    def asked(self, key: _Key, session: _Session, now: float) -> None:
        """Its client has sent something."""
        session.lastHeard = now
        if session.confirmed:
            self._confirmed.move_to_end(key)
        elif session.answered:
            session.confirmed = True
            self._confirmed[key] = self._unconfirmed.pop(key)
        else:
            self._unconfirmed.move_to_end(key)

    def answered(self, key: _Key, session: _Session, now: float) -> None:
        """Something was sent to its client."""
        session.lastHeard = now
        session.answered = True
        (self._confirmed if session.confirmed else self._unconfirmed).move_to_end(key)

    def remove(self, key: _Key) -> None:
        """A session has ended."""
        if self._unconfirmed.pop(key, None) is None:
            self._confirmed.pop(key, None)

    def expired(self, now: float) -> list[tuple[_Key, _Session]]:
        """Those that were quiet for too long."""
        found = []
        for sessions in (self._unconfirmed, self._confirmed):
            for key, session in sessions.items():
                if now - session.lastHeard < self._idle:
                    break
                found.append((key, session))
        return found

    def nextExpiry(self) -> float | None:
        """When the next one expires if it stays quiet; None without sessions."""
        oldest = [
            next(iter(sessions.values())).lastHeard
            for sessions in (self._unconfirmed, self._confirmed)
            if sessions
        ]
        return min(oldest) + self._idle if oldest else None

    def __iter__(self) -> Iterator[tuple[_Key, _Session]]:
        return iter([*self._unconfirmed.items(), *self._confirmed.items()])

    def __len__(self) -> int:
        return len(self._unconfirmed) + len(self._confirmed)
