"""Servers, clients, sockets and networks for tests under pytest; pytest finds this by itself.

Law: a test that uses one of these fixtures passes only when it has closed all it opened and nothing
critical was logged; what it leaves is named, and closed. Other tests notice nothing: not even
nodenet is imported before somebody uses a fixture.

What needs the reactor to run is pytest-twisted's business. To have *every* test guarded load
`nodenet.testing.pytest_plugin`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from nodenet import dgram, net
    from nodenet.testing import Guard, Local, Network

_TURNS = 20
"""Turns the reactor gets to finish what the test has closed already."""

_LOCAL = pytest.StashKey["Local"]()


@pytest.fixture(autouse=True)
def _guardFirst(request: pytest.FixtureRequest) -> None:
    """Whoever is guarded is so from the first fixture on, so that the others end before it."""
    if "guard" in request.fixturenames:
        request.getfixturevalue("guard")


@pytest.fixture
def guard(request: pytest.FixtureRequest) -> Iterator[Guard]:
    """Watches the test; at its end there must be nothing to complain of."""
    from nodenet.testing import Guard

    watching = Guard()
    watching.begin()
    yield watching
    _let_finish(watching, request.config.pluginmanager.hasplugin("twisted"))
    complaints = watching.end()
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.fixture
def flushLoggedErrors(guard: Guard) -> Callable[..., list[Failure]]:
    """Trial's method of that name: takes out the logged failures that were expected."""
    return guard.flushLoggedErrors


@pytest.fixture
def local(guard: Guard, request: pytest.FixtureRequest) -> Iterator[Local]:
    """What the fixtures below are methods of; whatever is open after the test is closed."""
    from nodenet.testing import Local

    opened = request.node.stash[_LOCAL] = Local()
    yield opened
    closing = opened.close()
    if not closing.called:  # a network in memory needs no running reactor
        from pytest_twisted import blockon

        blockon(closing)


@pytest.fixture
def nodeServer(local: Local) -> Callable[..., Deferred[net.Server]]:
    """Starts a server on a free port: ``server = await nodeServer(listener)``."""
    return local.server


@pytest.fixture
def nodeClient(local: Local) -> Callable[..., Deferred[net.Socket]]:
    """Connects to a server: ``socket = await nodeClient(server)``."""
    return local.client


@pytest.fixture
def nodeSocket(local: Local) -> Callable[..., Deferred[dgram.Socket]]:
    """Binds a UDP socket to a free port: ``socket = await nodeSocket(listener)``."""
    return local.socket


@pytest.fixture
def nodeNetwork(local: Local) -> Callable[..., Network]:
    """Makes a UDP network in memory: ``network = nodeNetwork(seed=7, loss=0.1)``.

    The report of a test that fails shows what became of its datagrams.
    """
    return local.network


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Iterator[None]:
    """Tell of a failed test's networks."""
    report = yield
    local = item.stash.get(_LOCAL, None)
    if local is not None and report.when == "call" and report.failed:  # type: ignore[attr-defined]  # it is a TestReport
        report.sections += [("UDP network", text) for text in local.reports()]  # type: ignore[attr-defined]  # as above
    return report


def _let_finish(watching: Guard, runs: bool) -> None:
    """Give the reactor its turns; without pytest-twisted it does not run, and takes them singly."""
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    for _ in range(_TURNS):
        if watching.tidy():
            return
        if runs:
            from pytest_twisted import blockon

            blockon(deferLater(reactor, 0))
        else:
            reactor.iterate(0)
