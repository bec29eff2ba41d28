"""How long to wait before a worker that has ended is started again.

Law: no clock in here. Who ends again and again waits longer each time, up to a bound; who has
served for a while begins anew.
"""

from __future__ import annotations

from typing import Final

FIRST: Final = 0.25
"""Seconds before the first new start."""

MOST: Final = 30.0
"""Seconds before any new start, at most."""

STEADY: Final = 10.0
"""Seconds of service after which what was before is forgotten."""


class Backoff:
    """The waiting times of one worker's place."""

    def __init__(self) -> None:
        self._next = FIRST

    def ended(self, served: float | None) -> float:
        """A worker has ended.

        Args:
            served: For how many seconds it had served; None: it was never ready.

        Returns:
            Seconds to wait.
        """
        if served is not None and served >= STEADY:
            self._next = FIRST
        wait, self._next = self._next, min(self._next * 2, MOST)
        return wait
