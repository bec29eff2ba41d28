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

from nodenet.loop import openHandles, pollerOf


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

    def begin(self) -> None:
        """The test begins: what is pending now is not its own."""
        self._before = frozenset(self._timers())
        globalLogPublisher.addObserver(self._log)

    def end(self) -> list[str]:
        """The test is over: what it left is closed.

        Returns:
            One complaint for each thing that it left, none when it was tidy.
        """
        gc.collect(1)  # a failed Deferred complains when it is collected
        globalLogPublisher.removeObserver(self._log)
        return [_described(event) for event in self._log.events] + self._handles() + self._calls()

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
        return not openHandles(self._poller.reactor) and not self._left_over()

    def _handles(self) -> list[str]:
        left = openHandles(self._poller.reactor)
        complaints = [f"left open: {handle!r}" for handle in left]
        if left:
            self._poller.stopped(Failure(ConnectionAborted()))
        return complaints

    def _calls(self) -> list[str]:
        left = self._left_over()
        complaints = [f"left pending: {call}" for call in left]
        for call in left:
            if call.active():
                call.cancel()
        return complaints

    def _left_over(self) -> list[IDelayedCall]:
        return [call for call in self._timers() if call not in self._before]

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
        if "isError" in event and "log_failure" not in event:
            return  # a Deferred announces the event that will have its failure
        self.take(event)


def _described(event: LogEvent) -> str:
    text = f"logged as critical: {formatEvent(event)}"
    failure = event.get("log_failure")
    return text if failure is None else f"{text}\n{failure.getTraceback()}"
