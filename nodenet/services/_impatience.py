"""The second signal: whoever stops a service twice does not want to wait.

Law: the first SIGINT or SIGTERM is the reactor's alone; no later one gets to it, for it fails on
being stopped twice.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import current_thread, main_thread
from typing import Any, Final

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Impatience:
    """Stands before the reactor's signal handlers and calls `hurry` at the second signal.

    Args:
        reactor: calls `hurry`; its handlers get the first signal.
        hurry: to be called once for every signal after the first.
    """

    def __init__(self, reactor: Any, hurry: Callable[[], object]) -> None:
        self._reactor = reactor
        self._hurry = hurry
        self._signalled = False
        self._previous: dict[int, Callable[..., object]] = {}

    def begin(self) -> None:
        """Stand there, where the reactor handles signals at all."""
        if current_thread() is not main_thread():
            return
        for number in _STOP_SIGNALS:
            previous = signal.getsignal(number)
            if callable(previous) and previous is not signal.default_int_handler:
                self._previous[number] = previous
                signal.signal(number, self._signal)

    def end(self) -> None:
        """Leave, unless somebody else stands before us by now."""
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._signal:
                signal.signal(number, previous)

    def _signal(self, number: int, frame: object) -> None:
        previous = self._previous[number]
        again, self._signalled = self._signalled, True  # at once: signals interrupt this too
        if again:
            self._reactor.callFromThread(self._hurry)
        if not again or isinstance(getattr(previous, "__self__", None), Impatience):
            previous(number, frame)
