"""Node's rule for when a program ends.

Law: a program is idle when no handle waits for anything, no look-up and no timer is pending; it
ends when it is idle and what `main` returned has fired.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ReactorAlreadyRunning
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import react
from twisted.python.failure import Failure

from nodenet.loop.poller import Poller
from nodenet.loop.registry import pollerOf

_LOOK_AGAIN = 0.05
"""Seconds until a cancelled timer is noticed: a reactor does not tell of those."""

Main = Callable[..., Deferred[Any] | Coroutine[Deferred[Any], Any, Any] | object]


def whenIdle(reactor: Any = None) -> Deferred[None]:
    """Wait until nothing of nodenet keeps a program going any more.

    Args:
        reactor: The reactor in question, by default Twisted's global one.

    Returns:
        A Deferred that fires when no handle keeps a program going (see `Handle`), no look-up is
        pending and no timer of the reactor either (those made with
        ``Poller.callLater(..., ref=False)`` apart). Cancelling it ends the waiting.
    """
    return _Watch(pollerOf(reactor)).idle


class _Watch:
    """Looks again whenever the last reference goes, and when the next timer has run."""

    def __init__(self, poller: Poller) -> None:
        self.idle: Deferred[None] = Deferred(self._end)
        self._poller = poller
        self._again: IDelayedCall | None = None
        poller.onIdle.append(self._look_soon)
        self._look_soon()

    def _look_soon(self) -> None:
        # Not now: who closes one handle may open another before its callback returns.
        self._look_in(0)

    def _look_in(self, seconds: float) -> None:
        if self._again is not None and self._again.active():
            self._again.cancel()
        self._again = self._poller.callLater(seconds, self._look, ref=False)

    def _look(self) -> None:
        poller = self._poller
        if poller.references:
            return
        timers = poller.timers()
        if timers:
            due = min(timer.getTime() for timer in timers) - poller.seconds()
            self._look_in(min(max(due, 0), _LOOK_AGAIN))
            return
        self._end()
        self.idle.callback(None)

    def _end(self, _: object = None) -> None:
        self._poller.onIdle.remove(self._look_soon)
        if self._again is not None and self._again.active():
            self._again.cancel()


def run(main: Main, *args: Any, reactor: Any = None) -> None:
    """Run a program as Node does: until nothing keeps it going.

    Calls ``main(*args)`` once the reactor runs, and stops the reactor when no handle waits for
    anything (see `Handle`), no look-up and no timer is pending and the Deferred or coroutine that
    `main` returned, if any, has fired. An exception that nobody catches, in `main` or in a
    listener, is logged with its traceback and ends the program at once; so does ``sys.exit()``,
    without a word.

    Args:
        main: The program; it may return nothing, a coroutine or a Deferred.
        args: Handed to `main`.
        reactor: The reactor to run, by default Twisted's global one.

    Raises:
        SystemExit: Always. Its code is 0 when the program ended by itself or by
            ``reactor.stop()``, 1 when an exception went uncaught, what ``sys.exit()`` was given,
            or 128 and the number of the signal that ended it, as a shell shows for Node.
        ReactorAlreadyRunning: The reactor runs; `main` was not called.
    """
    poller = pollerOf(reactor)
    if poller.reactor.running:
        raise ReactorAlreadyRunning
    program = _Program(poller, main, args)
    try:
        react(program.start, (), poller.reactor)
    except SystemExit:
        if program.signal is not None:
            if poller.onSignal is not None:
                poller.onSignal(program.signal)
            raise SystemExit(128 + program.signal) from None
        raise
    finally:
        poller.onUncaught = None


class _Program:
    """What `run` runs, from its start to the reason for its end."""

    def __init__(self, poller: Poller, main: Main, args: tuple[Any, ...]) -> None:
        self.signal: int | None = None
        self._poller = poller
        self._main = main
        self._args = args
        self._done: Deferred[None] = Deferred()

    def start(self, _: object) -> Deferred[None]:
        self._poller.onUncaught = self._uncaught
        # Not before the reactor runs: until then Ctrl-C raises wherever the program stands.
        self._poller.reactor.callWhenRunning(self._poller.ticks.call, self._main, self._begin)
        return self._done

    def _begin(self) -> None:
        if current_thread() is main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._note(number)
        finished = maybeDeferred(self._call)
        finished.addErrback(self._poller.uncaught, self._main)
        finished.addCallback(lambda _: whenIdle(self._poller.reactor))
        finished.addCallback(self._end)

    def _call(self) -> Any:
        result = self._main(*self._args)
        return Deferred.fromCoroutine(result) if isinstance(result, Coroutine) else result

    def _uncaught(self, failure: Failure) -> bool:
        leaves = failure.check(SystemExit) is not None
        if not self._done.called:
            self._done.errback(failure.value if leaves else SystemExit(1))
        return leaves

    def _end(self, _: object) -> None:
        if not self._done.called:
            self._done.callback(None)

    def _note(self, number: int) -> None:
        """Remember that a signal ended the program, and do what the reactor does with it."""
        stop = signal.getsignal(number)

        def noted(number: int, frame: FrameType | None) -> None:
            self.signal = number
            if callable(stop):
                stop(number, frame)

        if callable(stop):
            signal.signal(number, noted)
