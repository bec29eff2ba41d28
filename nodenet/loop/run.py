"""Node's rule for when a program ends.

Law: a program is idle when no handle is ref'd, no look-up and no timer is pending; it ends when
it is idle and what `main` returned has fired.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import react
from twisted.python.failure import Failure

from nodenet.loop.poller import Poller
from nodenet.loop.registry import pollerOf

_LOOK_AGAIN = 0.05
"""Seconds until a cancelled timer is noticed: a reactor does not tell of those."""


def whenIdle(reactor: Any = None) -> Deferred[None]:
    """A Deferred that fires when nothing of nodenet keeps a program going any more.

    That is: no ref'd handle is open, no look-up is pending and no timer of the reactor either
    (those made with ``Poller.callLater(..., ref=False)`` apart).
    """
    poller = pollerOf(reactor)
    fired: Deferred[None] = Deferred()
    _Watch(poller, fired)
    return fired


class _Watch:
    """Looks again whenever the last reference goes, and when the next timer has run."""

    def __init__(self, poller: Poller, fired: Deferred[None]) -> None:
        self._poller = poller
        self._fired = fired
        self._again: Any = None
        self._chained = poller.onIdle
        poller.onIdle = self._look_soon
        self._look_soon()

    def _look_soon(self) -> None:
        if self._again is not None and self._again.active():
            self._again.cancel()
        # Not now: who closes one handle may open another before its callback returns.
        self._again = self._poller.callLater(0, self._look, ref=False)

    def _look(self) -> None:
        poller = self._poller
        if poller.references:
            return
        timers = poller.timers()
        if timers:
            due = min(timer.getTime() for timer in timers) - poller.seconds()
            self._again = poller.callLater(min(max(due, 0), _LOOK_AGAIN), self._look, ref=False)
            return
        poller.onIdle = self._chained
        self._fired.callback(None)
        if self._chained is not None:
            self._chained()


def run(
    main: Callable[..., Deferred[Any] | Coroutine[Deferred[Any], Any, Any] | object],
    *args: Any,
    reactor: Any = None,
) -> None:
    """Run a program as Node does: until nothing keeps it going.

    Calls ``main(*args)`` once the reactor runs, and stops the reactor when no ref'd handle is
    open, no look-up and no timer is pending and the Deferred or coroutine that `main` returned,
    if any, has fired. Then the process exits: with status 0, or 1 when `main` failed or when an
    exception went uncaught in a listener (it is logged with its traceback), which also ends the
    program at once.

    :param main: the program; it may return nothing, a coroutine or a Deferred.
    :param args: handed to `main`.
    :param reactor: the reactor to run, by default Twisted's global one.
    :raises SystemExit: always, as :func:`twisted.internet.task.react` does.
    """
    poller = pollerOf(reactor)

    def start(_reactor: Any) -> Deferred[None]:
        done: Deferred[None] = Deferred()

        def fail(failure: Failure) -> None:
            if not done.called:
                done.errback(SystemExit(1))

        def end(_: object) -> None:
            if not done.called:
                done.callback(None)

        def main_failed(failure: Failure) -> None:
            poller.uncaught(failure, main)

        def begin() -> None:
            poller.ticks.enter()
            finished = maybeDeferred(_called, main, args)
            poller.ticks.leave()
            finished.addErrback(main_failed)
            finished.addCallback(lambda _: whenIdle(poller.reactor))
            finished.addCallback(end)

        poller.onUncaught = fail
        # Not before the reactor runs: until then Ctrl-C raises wherever the program stands.
        poller.reactor.callWhenRunning(begin)
        return done

    _show_failures()
    react(start, (), poller.reactor)


def _called(main: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    result = main(*args)
    if isinstance(result, Coroutine):
        return Deferred.fromCoroutine(result)
    return result


def _show_failures() -> None:
    """Outside twistd and trial nobody may have started logging: failures must be seen."""
    from twisted.logger import (
        FileLogObserver,
        FilteringLogObserver,
        LogLevel,
        LogLevelFilterPredicate,
        formatEventAsClassicLogText,
        globalLogBeginner,
    )

    observer = FilteringLogObserver(
        FileLogObserver(sys.stderr, formatEventAsClassicLogText),
        [LogLevelFilterPredicate(LogLevel.critical)],
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=False)
