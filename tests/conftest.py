"""What every test has: ``async def`` tests, the guard against leaks, the oracle, short paths."""

from __future__ import annotations

import functools
import inspect
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from oracle import Oracle, findNode
from twisted.internet.defer import CancelledError, Deferred

from nodenet.loop import pollerOf
from nodenet.testing import Guard

BOUND = 60.0
"""Seconds that an ``async def`` test may take."""

Test = Callable[..., Coroutine[Deferred[Any], Any, None]]

pytest_plugins = ["nodenet.testing.pytest_plugin"]

try:
    from hypothesis import HealthCheck, settings
except ImportError:
    pass  # where packages are tried, it is not installed
else:
    # How long an example takes says more of the machine than of what is tried. (Where CI is set,
    # examples are the same each time: hypothesis sees to that by itself.)
    settings.register_profile(
        "nodenet", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("nodenet")


def pytest_configure() -> None:
    """Programs under test end by signals, also where a shell or nohup has these ignored."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
        (signal.SIGQUIT, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A plain ``async def test_...`` runs on the reactor; oracle tests are marked."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        hypothesis = getattr(item.obj, "hypothesis", None)
        if hypothesis is not None and inspect.iscoroutinefunction(hypothesis.inner_test):
            hypothesis.inner_test = bounded(hypothesis.inner_test)
        elif inspect.iscoroutinefunction(item.obj):
            item.obj = bounded(item.obj)
        if "node" in item.fixturenames:
            item.add_marker("oracle")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything has to be there, a test that asks Node is not skipped: it fails."""
    report = yield
    judged = item.get_closest_marker("oracle") is not None
    if judged and report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI is set: {report.longrepr}"
    return report


def bounded(test: Test) -> Test:
    """The same test, which fails when it takes too long: nothing else would end it."""

    @functools.wraps(test)
    async def run(*args: Any, **keywords: Any) -> None:
        running = Deferred.fromCoroutine(test(*args, **keywords))
        bound = pollerOf().callLater(BOUND, running.cancel, ref=False)
        try:
            await running
        except CancelledError:
            pytest.fail(f"took more than {BOUND} s")
        finally:
            if bound.active():
                bound.cancel()

    pytest_twisted.ensureDeferred(run)
    return run


@pytest.fixture(scope="session")
def node() -> Path:
    """The binary of the Node that judges."""
    return findNode()


@pytest.fixture
def oracle(node: Path, guard: Guard) -> Oracle:
    """Runs one scenario on Node and on nodenet and compares; see `oracle.py`."""
    return Oracle(node, guard)


@pytest.fixture
def socketPath() -> Iterator[Callable[[str], str]]:
    """Makes a path for a Unix socket from a name: short, and gone after the test."""
    directory = tempfile.mkdtemp(prefix="nn", dir="/tmp")
    yield lambda name: f"{directory}/{name}"
    shutil.rmtree(directory)
