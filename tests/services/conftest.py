"""Relays that stop with the test, and what they say in the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_twisted import blockon
from services.relays import Log, Relays, listening
from twisted.internet.defer import Deferred

from nodenet.testing import Guard


@pytest.fixture
def log() -> Iterator[Log]:
    with listening() as heard:
        yield heard


@pytest.fixture
def relays(guard: Guard) -> Iterator[Relays]:
    opened = Relays()
    yield opened
    blockon(Deferred.fromCoroutine(opened.stop()))
