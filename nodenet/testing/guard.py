"""Finds what a test left behind: logged failures, open handles, pending timers.

Law: between `begin` and `end` every critical event of Twisted's log is either handed to somebody
who asked for it or is a complaint.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop import Handle, openHandles, pollerOf
from nodenet.testing.clock import clocksOn


class Guard:
    """Watches one test, as trial's janitor does; see :mod:`nodenet.testing.pytest_plugin`.

    Args:
        reactor: The reactor whose handles and timers are looked at; by default Twisted's global
            one.
    """

    def __init__(self, reactor: Any = None) -> None:
        self._poller = pollerOf(reactor)
        self._log = _Criticals()
        self._before: frozenset[IDelayedCall] = frozenset()
        self._open_before: frozenset[Handle] = frozenset()

    def begin(self) -> None:
        """The test begins: what is open or pending now is not its own."""
        self._before = frozenset(self._timers())
        self._open_before = frozenset(self._handles())
        globalLogPublisher.addObserver(self._log)

    def end(self) -> list[str]:
        """The test is over: what it left is closed.

        Returns:
            One complaint for each thing that it left, none when it was tidy.
        """
        criticals = self.criticals()
        timers = self.timers()  # before handles are closed, which puts things off in turn
        return criticals + self.handles() + timers

    def criticals(self, failures: bool = True) -> list[str]:
        """Watch the log no longer.

        Args:
            failures: Whether to complain of logged failures; not where trial does.

        Returns:
            One complaint for each critical event.
        """
        gc.collect(1)  # a failed Deferred complains when it is collected
        globalLogPublisher.removeObserver(self._log)
        logged = self._log.events
        return [_described(event) for event in logged if failures or "log_failure" not in event]

    def handles(self) -> list[str]:
        """Close what the test left open.

        Returns:
            One complaint for each.
        """
        left = self.handlesLeft()
        complaints = [f"left open: {handle!r}" for handle in left]
        for handle in left:
            handle.poller.ticks.call(handle, handle.connectionLost, Failure(ConnectionAborted()))
        return complaints

    def timers(self) -> list[str]:
        """Cancel what the test left pending.

        Returns:
            One complaint for each.
        """
        left = self.timersLeft()
        complaints = [f"left pending: {call}" for call in left]
        for call in left:
            if call.active():
                call.cancel()
        return complaints

    def flushLoggedErrors(self, *types: type[BaseException]) -> list[Failure]:
        """Take logged failures out: they were expected. As trial's method of that name.

        Args:
            types: The exceptions to take out; all of them when left out.

        Returns:
            Their failures.
        """
        failures: list[Failure] = []
        for event in list(self._log.events):
            failure = event.get("log_failure")
            if failure is not None and (not types or failure.check(*types)):
                failures.append(failure)
                self._log.events.remove(event)
        return failures

    @contextmanager
    def divert(self, take: Callable[[LogEvent], object]) -> Iterator[None]:
        """Inside the `with` block critical events are `take`'s, and no complaint."""
        before, self._log.take = self._log.take, take
        try:
            yield
        finally:
            self._log.take = before

    def tidy(self) -> bool:
        """Whether nothing is open or pending."""
        return not self.handlesLeft() and not self.timersLeft()

    def handlesLeft(self) -> list[Handle]:
        """Return what is open and was not when the test began."""
        return [handle for handle in self._handles() if handle not in self._open_before]

    def timersLeft(self) -> list[IDelayedCall]:
        """Return what is pending and was not when the test began."""
        return [call for call in self._timers() if call not in self._before]

    def _handles(self) -> list[Handle]:
        reactor = self._poller.reactor
        return [handle for one in (reactor, *clocksOn(reactor)) for handle in openHandles(one)]

    def _timers(self) -> list[IDelayedCall]:
        return list(IReactorTime(self._poller.reactor).getDelayedCalls())


@implementer(ILogObserver)
class _Criticals:
    """Takes the critical events out of the log's stream."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self.take: Callable[[LogEvent], object] = self.events.append

    def __call__(self, event: LogEvent) -> None:
        if event["log_level"] is not LogLevel.critical:
            return
        if event.get("isError") is True and "log_failure" not in event:
            # A Deferred announces the event that will have its failure. Observers of old style
            # put 1 into other events.
            return
        self.take(event)


def _described(event: LogEvent) -> str:
    text = f"logged as critical: {formatEvent(event)}"
    failure = event.get("log_failure")
    return text if failure is None else f"{text}\n{failure.getTraceback()}"
