"""For tests that run under trial: servers, clients, sockets and networks, and their end.

Law: a test that passes has closed all it opened and logged nothing as critical. What it leaves open
is named as its error and closed, so that no other test is blamed for it.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.trial.itrial import IReporter
from twisted.trial.reporter import TestResultDecorator
from twisted.trial.unittest import TestCase

from nodenet import dgram, net
from nodenet.loop import pollerOf
from nodenet.testing.guard import Guard
from nodenet.testing.local import Local
from nodenet.testing.network import Network

_TURNS = 20
"""Turns the reactor gets to finish what the test has closed already."""


class NodeTestMixin:
    """Mix it into a `twisted.trial.unittest.TestCase`, before it.

    Raises:
        TypeError: A class is a TestCase of another kind, which does not wait, and finds nothing.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if issubclass(cls, unittest.TestCase) and not issubclass(cls, TestCase):
            raise TypeError(f"{cls.__name__} has to be a twisted.trial.unittest.TestCase")

    def nodeServer(
        self, connectionListener: Callable[[net.Socket], object] | None = None, **options: Any
    ) -> Deferred[net.Server]:
        """Start a server on a free port; see `Local.server`. It is closed after the test."""
        return self._local().server(connectionListener, **options)

    def nodeClient(self, server: net.Server, **options: Any) -> Deferred[net.Socket]:
        """Connect to `server`; see `Local.client`. It is destroyed after the test."""
        return self._local().client(server, **options)

    def nodeSocket(
        self, listener: Callable[..., object] | None = None, **options: Any
    ) -> Deferred[dgram.Socket]:
        """Bind a UDP socket to a free port; see `Local.socket`. It is closed after the test."""
        return self._local().socket(listener, **options)

    def nodeNetwork(self, **conditions: Any) -> Network:
        """Make a UDP network in memory; see `Network`.

        Its sockets are closed after the test. A test that fails shows what became of its datagrams.
        """
        return self._local().network(**conditions)

    def _run_guarded(self: Any, result: Any = None) -> Any:
        """Run the test, as trial has it, and see to what it leaves behind.

        Args:
            result: Trial's, which is told how it went.
        """
        guard = Guard()
        guard.begin()
        # Trial runs the clean-ups before `tearDown` or behind it, as its version is.
        ends = [None, None]

        async def ended() -> None:
            ends.pop()
            if not ends:
                await self._swept(guard)

        teardown = self.tearDown

        async def over() -> None:
            try:
                await maybeDeferred(teardown)
            finally:
                await ended()

        vars(self)["tearDown"] = lambda: Deferred.fromCoroutine(over())
        self.addCleanup(lambda: Deferred.fromCoroutine(ended()))
        try:
            return super().run(_Telling(result, self) if IReporter.providedBy(result) else result)  # type: ignore[misc]  # of the TestCase it is mixed into
        finally:
            del vars(self)["tearDown"]
            guard.criticals()  # once more, for a test whose `setUp` failed
            guard.handles()

    if not TYPE_CHECKING:  # for a checker `run` is the TestCase's, whose signature varies
        run = _run_guarded

    async def _swept(self: Any, guard: Guard) -> None:
        """All that the test has is over: complain of what it left."""
        reactor = pollerOf().reactor
        for _ in range(_TURNS):
            if not guard.handlesLeft():
                break
            await deferLater(reactor, 0, lambda: None)
        # Trial itself sees to timers, and to failures that were logged.
        complaints = guard.criticals(failures=False) + guard.handles()
        if complaints:
            raise self.failureException("\n".join(complaints))

    __local: Local | None = None

    def _local(self: Any) -> Local:
        if self.__local is None:
            self.__local = Local()
            self.addCleanup(self.__local.close)
        local: Local = self.__local
        return local

    def _reports(self) -> list[str]:
        return [] if self.__local is None else self.__local.reports()


class _Telling(TestResultDecorator):
    """Adds to a failure what became of the datagrams in the test's networks."""

    def __init__(self, result: Any, case: NodeTestMixin) -> None:
        super().__init__(result)
        self._case = case

    def addFailure(self, test: Any, fail: Any) -> None:
        self._tell(fail)
        super().addFailure(test, fail)

    def addError(self, test: Any, error: Any) -> None:
        self._tell(error)
        super().addError(test, error)

    def _tell(self, failure: Any) -> None:
        reports = self._case._reports()
        value = failure.value
        if reports and value.args[:1] == (str(value),):
            value.args = ("\n".join([str(value), *reports]),)
