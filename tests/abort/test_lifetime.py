"""Who keeps a signal, and for how long."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from twisted.internet.task import Clock

from nodenet.abort import AbortController, AbortSignal, Event
from nodenet.events import addAbortListener


class Reactor(Clock):
    """A clock that passes for a reactor."""

    def addReader(self, reader: object) -> None:
        """No descriptor is watched in these tests."""


@pytest.fixture
def clock() -> Clock:
    from twisted.internet.interfaces import IReactorFDSet
    from zope.interface import alsoProvides

    reactor = Reactor()
    alsoProvides(reactor, IReactorFDSet)
    return reactor


def alive(weak: weakref.ref[Any]) -> bool:
    gc.collect()
    return weak() is not None


def test_a_source_does_not_keep_what_depends_on_it() -> None:
    source = AbortController()
    weak = weakref.ref(AbortSignal.any([source.signal]))
    assert not alive(weak)


def test_a_dependent_signal_that_is_listened_to_is_kept() -> None:
    source, heard = AbortController(), list[object]()
    dependent = AbortSignal.any([source.signal])
    dependent.addEventListener("abort", heard.append)
    weak = weakref.ref(dependent)
    del dependent
    assert alive(weak)
    source.abort()
    assert len(heard) == 1
    heard.clear()
    assert not alive(weak)


def test_it_is_kept_until_the_last_listener_goes() -> None:
    source = AbortController()
    dependent = AbortSignal.any([source.signal])
    with addAbortListener(dependent, print), addAbortListener(dependent, repr):
        weak = weakref.ref(dependent)
        del dependent
        assert alive(weak)
    assert not alive(weak)


def test_a_dependent_signal_keeps_its_sources(clock: Clock) -> None:
    dependent = AbortSignal.any([AbortSignal.timeout(10, reactor=clock)])
    gc.collect()
    clock.advance(0.01)
    assert dependent.reason.name == "TimeoutError"


def test_a_timeout_that_nobody_has_ends_its_timer(clock: Clock) -> None:
    signal: Any = AbortSignal.timeout(10, reactor=clock)
    assert len(clock.getDelayedCalls()) == 1
    del signal
    gc.collect()
    assert clock.getDelayedCalls() == []


def test_a_timeout_that_is_listened_to_is_kept(clock: Clock) -> None:
    heard: list[Event] = []
    AbortSignal.timeout(10, reactor=clock).addEventListener("abort", heard.append)
    AbortSignal.any([AbortSignal.timeout(20, reactor=clock)]).onabort = heard.append
    gc.collect()
    clock.advance(0.01)
    clock.advance(0.01)
    assert [event.type for event in heard] == ["abort", "abort"]
    assert clock.getDelayedCalls() == []


def test_a_timeout_ends_its_timer_when_the_last_listener_goes(clock: Clock) -> None:
    with addAbortListener(AbortSignal.timeout(10, reactor=clock), print):
        gc.collect()
        assert len(clock.getDelayedCalls()) == 1
    gc.collect()
    assert clock.getDelayedCalls() == []


def test_time_is_the_given_reactors(clock: Clock) -> None:
    signal = AbortSignal.timeout(1500, reactor=clock)
    clock.advance(1.499)
    assert not signal.aborted
    clock.advance(0.002)
    assert signal.aborted


def test_a_signal_that_removes_a_listener_does_not_keep_its_target() -> None:
    remover, ac = AbortController(), AbortController()
    ac.signal.addEventListener("abort", lambda _: None, signal=remover.signal)
    weak = weakref.ref(ac.signal)
    del ac
    assert not alive(weak)
    remover.abort()
