"""For tests that run under trial: servers and clients that go away with the test.

Law: a test that passes has closed all it opened; what it logged as critical fails it, as trial has
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.testing.local import Local


class NodeTestMixin:
    """Mix it into a `twisted.trial.unittest.TestCase`, before it."""

    def nodeServer(
        self, connectionListener: Callable[[net.Socket], object] | None = None, **options: Any
    ) -> Deferred[net.Server]:
        """Start a server on a free port; see `Local.server`. It is closed after the test."""
        return self._local().server(connectionListener, **options)

    def nodeClient(self, server: net.Server, **options: Any) -> Deferred[net.Socket]:
        """Connect to `server`; see `Local.client`. It is destroyed after the test."""
        return self._local().client(server, **options)

    __local: Local | None = None

    def _local(self: Any) -> Local:
        if self.__local is None:
            self.__local = Local()
            self.addCleanup(self.__local.close)
        local: Local = self.__local
        return local
