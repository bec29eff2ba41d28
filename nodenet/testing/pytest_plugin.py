"""Fails a test that logged a critical event or left something open, as trial's janitor does.

Law: a test that this plugin lets pass has closed all it opened.

Nothing loads it by itself: say ``-p nodenet.testing.pytest_plugin`` or put
``pytest_plugins = ["nodenet.testing.pytest_plugin"]`` in the top `conftest.py`. Tests that need
the reactor to run are pytest-twisted's business; without it this one works just as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from nodenet import net
from nodenet.testing.guard import Guard
from nodenet.testing.local import Local

_TURNS = 20
"""Turns the reactor gets to finish what the test has closed already."""


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest) -> Iterator[Guard]:
    """Watches the test; at its end there must be nothing to complain of."""
    watching = Guard()
    watching.begin()
    yield watching
    if request.config.pluginmanager.hasplugin("twisted"):
        _let_finish(watching)
    complaints = watching.end()
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.fixture
def flushLoggedErrors(guard: Guard) -> Callable[..., list[Failure]]:
    """Trial's method of that name: takes out the logged failures that were expected."""
    return guard.flushLoggedErrors


@pytest.fixture
def local(guard: Guard) -> Iterator[Local]:
    """Servers and clients on free ports; whatever is still open after the test is closed."""
    opened = Local()
    yield opened
    from pytest_twisted import blockon

    blockon(opened.close())


@pytest.fixture
def nodeServer(local: Local) -> Callable[..., Deferred[net.Server]]:
    """Starts a server on a free port: ``server = await nodeServer(listener)``."""
    return local.server


@pytest.fixture
def nodeClient(local: Local) -> Callable[..., Deferred[net.Socket]]:
    """Connects to a server: ``socket = await nodeClient(server)``."""
    return local.client


def _let_finish(watching: Guard) -> None:
    from pytest_twisted import blockon
    from twisted.internet import reactor

    for _ in range(_TURNS):
        if watching.tidy():
            return
        blockon(deferLater(reactor, 0))
