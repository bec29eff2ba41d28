"""The idle timer of a socket.

Law: `touch` costs a look at the clock; the reactor's timer is moved only when it fires early.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from nodenet.loop import Poller


class IdleTimer:
    """Calls `expired` once `seconds` have gone by without a `touch`; the next one arms it again."""

    def __init__(self, poller: Poller, seconds: float, expired: Callable[[], object]) -> None:
        self._poller = poller
        self._seconds = seconds
        self._expired = expired
        self._last = 0.0
        self._call: IDelayedCall | None = None
        self.touch()

    def touch(self) -> None:
        """Something happened."""
        self._last = self._poller.seconds()
        if self._call is None:
            self._arm(self._seconds)

    def cancel(self) -> None:
        """Never call `expired` again, unless touched."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _arm(self, seconds: float) -> None:
        self._call = self._poller.callLater(seconds, self._fired, ref=False)

    def _fired(self) -> None:
        self._call = None
        left = self._last + self._seconds - self._poller.seconds()
        if left > 0:
            self._arm(left)
        else:
            self._expired()
