"""What every test has: ``async def`` tests, the guard against leaks, the oracle, short paths."""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted
from oracle import Oracle, findNode

from nodenet.testing import Guard

pytest_plugins = ["nodenet.testing.pytest_plugin"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A plain ``async def test_...`` runs on the reactor; oracle tests are marked."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        function = item.function
        inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
        if inspect.iscoroutinefunction(inner):
            pytest_twisted.ensureDeferred(inner)
        if "oracle" in item.fixturenames:
            item.add_marker("oracle")


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
