"""Fails every test that logged a critical event or left something open, as trial's janitor does.

Law: a test that this plugin lets pass has closed all it opened.

It is loaded by ``-p nodenet.testing.pytest_plugin``, or by
``pytest_plugins = ["nodenet.testing.pytest_plugin"]`` in the top `conftest.py`. It works without
pytest-twisted as well.
"""

from __future__ import annotations

import pytest

from nodenet.testing.guard import Guard

pytest_plugins = ["nodenet.testing.fixtures"]


@pytest.fixture(autouse=True)
def everyTestGuarded(guard: Guard) -> None:
    """Has `guard` watch every test."""
