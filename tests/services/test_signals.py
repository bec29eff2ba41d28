"""A service listens to a signal beside whoever listens to it already."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from nodenet.services._signals import OnSignal

NUMBER = signal.SIGUSR1
Listen = Callable[[str], OnSignal]


class Reactor:
    """Calls what it is told to when asked to turn."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def callFromThread(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def turn(self) -> None:
        while self.calls:
            self.calls.pop(0)()


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def listen(reactor: Reactor, heard: list[str]) -> Iterator[Listen]:
    """Has a name heard at each signal."""
    before = signal.getsignal(NUMBER)

    def listening(name: str) -> OnSignal:
        made = OnSignal(reactor, NUMBER, lambda: heard.append(name))
        made.begin()
        return made

    yield listening
    signal.signal(NUMBER, before)


def test_it_calls_in_the_reactor(reactor: Reactor, heard: list[str], listen: Listen) -> None:
    listen("service")
    signal.raise_signal(NUMBER)
    assert heard == []
    reactor.turn()
    assert heard == ["service"]


def test_who_listened_before_goes_on(reactor: Reactor, heard: list[str], listen: Listen) -> None:
    signal.signal(NUMBER, lambda number, frame: heard.append(f"before {number}"))
    listening = listen("service")
    signal.raise_signal(NUMBER)
    reactor.turn()
    listening.end()
    signal.raise_signal(NUMBER)
    reactor.turn()
    assert heard == [f"before {NUMBER}", "service", f"before {NUMBER}"]


@pytest.mark.parametrize("first", [0, 1])
def test_two_may_end_in_any_order(
    reactor: Reactor, heard: list[str], listen: Listen, first: int
) -> None:
    signal.signal(NUMBER, lambda number, frame: heard.append("before"))
    both = [listen("first"), listen("second")]
    signal.raise_signal(NUMBER)
    reactor.turn()
    assert heard == ["before", "first", "second"]
    heard.clear()
    both.pop(first).end()
    signal.raise_signal(NUMBER)
    reactor.turn()
    assert heard == ["before", ["second", "first"][first]]
    both.pop().end()
    heard.clear()
    signal.raise_signal(NUMBER)
    reactor.turn()
    assert heard == ["before"]


def test_the_handler_is_given_back(listen: Listen) -> None:
    signal.signal(NUMBER, signal.SIG_IGN)
    listen("service").end()
    assert signal.getsignal(NUMBER) is signal.SIG_IGN


def test_it_is_given_back_when_the_first_has_ended_first(listen: Listen) -> None:
    signal.signal(NUMBER, signal.SIG_IGN)
    first, second = listen("first"), listen("second")
    first.end()
    second.end()
    assert signal.getsignal(NUMBER) is signal.SIG_IGN


def test_who_takes_turns_leaves_no_trail(listen: Listen, heard: list[str]) -> None:
    last = listen("service")
    for _ in range(2000):  # more than calls may be nested
        last, before = listen("service"), last
        before.end()
    signal.raise_signal(NUMBER)
    last.end()


def test_a_thread_that_gets_no_signals_is_left_alone(listen: Listen) -> None:
    before = signal.getsignal(NUMBER)
    thread = threading.Thread(target=lambda: listen("service").end())
    thread.start()
    thread.join()
    assert signal.getsignal(NUMBER) is before
