"""Fails a test that logged a critical event or left something open, as trial's janitor does.

Law: a test that this plugin lets pass has closed all it opened.

Nothing loads it by itself: say ``-p nodenet.testing.pytest_plugin`` or put
``pytest_plugins = ["nodenet.testing.pytest_plugin"]`` in the top `conftest.py`. Tests that need
the reactor to run are pytest-twisted's business; without it this one works just as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from nodenet.testing.guard import Guard

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


def _let_finish(watching: Guard) -> None:
    from pytest_twisted import blockon
    from twisted.internet import reactor

    for _ in range(_TURNS):
        if watching.tidy():
            return
        blockon(deferLater(reactor, 0))
