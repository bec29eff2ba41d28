"""A signal that a service listens to, beside whoever listens to it already.

Law: who handled the signal before goes on doing so, and first; `call` runs in the reactor's
thread, never inside of whatever the signal has interrupted.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Final

OF_PRIMARY: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""What is for the primary of workers alone; a terminal sends it to all of them."""


@contextmanager
def keptFromWorkers() -> Iterator[None]:
    """Start a worker within: those signals do not reach it before it calls `ignoreOfPrimary`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_PRIMARY)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignoreOfPrimary() -> None:
    """This is a worker: leave to the primary what is the primary's."""
    for number in OF_PRIMARY:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_PRIMARY)


class OnSignal:
    """Calls `call` at each signal `number`, from `begin` to `end`.

    Args:
        reactor: calls it.
        number: which signal.
        call: takes no argument.
    """

    def __init__(self, reactor: Any, number: signal.Signals, call: Callable[[], object]) -> None:
        self._reactor = reactor
        self._number = number
        self._call = call
        self._listens = False
        self._previous: Any = None

    def begin(self) -> None:
        """Listen, where signals can be listened to: in the main thread."""
        if current_thread() is main_thread():
            self._listens = True
            self._previous = _living(signal.getsignal(self._number))
            before = getattr(self._previous, "__self__", None)
            if isinstance(before, OnSignal):
                before._previous = _living(before._previous)
            signal.signal(self._number, self._signal)

    def end(self) -> None:
        """Listen no more. Where somebody else came after, the way through to others stays."""
        if self._listens:
            self._listens = False
            if signal.getsignal(self._number) == self._signal:
                signal.signal(self._number, _living(self._previous))

    def _signal(self, number: int, frame: FrameType | None) -> None:
        if callable(self._previous):
            self._previous(number, frame)
        if self._listens:
            self._reactor.callFromThread(self._call)


def _living(handler: Any) -> Any:
    """The handler, or the one before it where it has ended and only leads there."""
    while isinstance(over := getattr(handler, "__self__", None), OnSignal) and not over._listens:
        handler = over._previous
    return handler
