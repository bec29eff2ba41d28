"""The guard: what it complains of, and what it lets pass."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from twisted.internet import reactor
from twisted.internet.defer import fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet import loop
from nodenet.testing import Guard


@pytest.fixture
def inner() -> Guard:
    watching = Guard()
    watching.begin()
    return watching


def test_a_tidy_test_gives_no_complaint(inner: Guard) -> None:
    assert inner.end() == []


def test_an_open_handle_is_named_and_closed(inner: Guard) -> None:
    loop.Handle(loop.pollerOf(), socket.socket())
    [complaint] = inner.end()
    assert complaint.startswith("left open: <Handle fd=")
    assert loop.openHandles() == []


def test_a_pending_timer_is_named_and_cancelled(inner: Guard) -> None:
    call = loop.pollerOf().callLater(60, lambda: None)
    [complaint] = inner.end()
    assert complaint.startswith("left pending: <DelayedCall")
    assert not call.active()


def test_a_failure_that_nobody_handles_is_shown_with_its_traceback(
    inner: Guard, flushLoggedErrors: Callable[..., list[Failure]]
) -> None:
    fail(ZeroDivisionError("boom"))
    [complaint] = inner.end()
    assert "ZeroDivisionError" in complaint
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1


def test_expected_failures_are_flushed_by_type(guard: Guard) -> None:
    for error in (KeyError("a"), TypeError("b")):
        Logger().failure("expected", Failure(error))
    assert [type(failure.value) for failure in guard.flushLoggedErrors(KeyError)] == [KeyError]
    assert [type(failure.value) for failure in guard.flushLoggedErrors()] == [TypeError]


async def test_what_the_next_turns_finish_is_no_leak() -> None:
    reactor.callLater(0, lambda: reactor.callLater(0, lambda: None))
