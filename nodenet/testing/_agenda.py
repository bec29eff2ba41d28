"""What is to be done when.

Law: what is due is done in the order of its time and, at the same time, of `at`; nothing is done
before `advance` is called or the clock rings.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

from twisted.internet.interfaces import IDelayedCall


class Agenda:
    """Things to do, on one clock.

    Args:
        clock: An `IReactorTime`.
        ring: Called when something is due; it calls `advance`.
    """

    def __init__(self, clock: Any, ring: Callable[[], object]) -> None:
        self._clock = clock
        self._ring = ring
        self._order = count()
        self._entries: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._alarm: IDelayedCall | None = None

    def at(self, delay: float, act: Callable[..., object], *args: Any) -> None:
        """Have something done in so many seconds."""
        heappush(self._entries, (self._clock.seconds() + delay, next(self._order), act, args))

    def advance(self) -> None:
        """Do what is due, and wait for the rest."""
        entries, clock = self._entries, self._clock
        while entries and entries[0][0] <= clock.seconds():
            _, _, act, args = heappop(entries)
            act(*args)
        self._stop()
        if entries:
            self._alarm = clock.callLater(max(entries[0][0] - clock.seconds(), 0), self._rung)

    def clear(self) -> None:
        """Do nothing of it."""
        self._entries.clear()
        self._stop()

    def _rung(self) -> None:
        self._alarm = None
        self._ring()

    def _stop(self) -> None:
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._alarm = None
