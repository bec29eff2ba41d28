"""Going through the addresses of a host, told as (address, seconds, what happens)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodenet.errors import (
    ERR_INVALID_ADDRESS_FAMILY,
    ERR_INVALID_IP_ADDRESS,
    ERR_IP_BLOCKED,
    AggregateError,
)
from nodenet.net._attempts import (
    Action,
    Attempts,
    Cancel,
    Connected,
    Failed,
    Mode,
    Start,
    Target,
    TimeOut,
    Wait,
    plan,
)

OK = None
REFUSED = ConnectionRefusedError("refused")
UNREACHABLE = OSError("unreachable")
NEVER = float("inf")

Route = tuple[str, float, Exception | None]


class Outcome(NamedTuple):
    """How it ended, and what was done when."""

    log: list[str]
    winner: str | None = None
    errors: tuple[Exception, ...] = ()


def target(address: str) -> Target:
    return Target(address, 80, 6 if ":" in address else 4)


def dial(routes: Sequence[Route], timeout: float, mode: Mode = "sequential") -> Outcome:
    """Carry out what `Attempts` says in a world in which time is a number."""
    return World(routes, timeout, mode).run()


class World:
    def __init__(self, routes: Sequence[Route], timeout: float, mode: Mode) -> None:
        self.fates = {target(address): (delay, result) for address, delay, result in routes}
        self.attempts = Attempts(self.fates, timeout, mode)
        self.due: dict[Target, float] = {}
        self.now = 0.0
        self.log: list[str] = []

    def run(self) -> Outcome:
        while True:
            action = self.attempts.next(self.now)
            match action:
                case Connected(where):
                    self.note("connected", where)
                    assert not self.due, "something is still under way"
                    return Outcome(self.log, winner=where.address)
                case Failed(errors):
                    assert not self.due, "something is still under way"
                    return Outcome(self.log, errors=errors)
                case Wait(until):
                    self.wait(NEVER if until is None else until)
                case _:
                    self.carry_out(action)

    def carry_out(self, action: Action) -> None:
        match action:
            case Start(where):
                self.note("start", where)
                self.due[where] = self.now + self.fates[where][0]
            case TimeOut(where, _):
                self.note("timeout", where)
                del self.due[where]
            case Cancel(where, error):
                self.note(f"cancel ({error})", where)
                del self.due[where]

    def wait(self, until: float) -> None:
        first = min(self.due, key=self.due.__getitem__)
        self.now = min(self.due[first], until)
        assert self.now < NEVER, "it would hang for ever"
        if self.due[first] == self.now:
            self.hear(first)

    def hear(self, where: Target) -> None:
        del self.due[where]
        result = self.fates[where][1]
        if result is None:
            self.attempts.connected(where)
        else:
            self.note("failed", where)
            self.attempts.failed(where, result)

    def note(self, what: str, where: Target) -> None:
        self.log.append(f"{self.now:g} {what} {where.address}")


class TestOneByOne:
    """``'sequential'``: what Node does."""

    def test_the_first_that_connects_in_time_is_taken(self) -> None:
        outcome = dial([("::1", 0.2, OK), ("127.0.0.1", 0.1, OK)], timeout=0.25)
        assert outcome.log == ["0 start ::1", "0.2 connected ::1"]

    def test_one_that_takes_too_long_ends_before_the_next_begins(self) -> None:
        outcome = dial([("::1", 0.3, OK), ("127.0.0.1", 1.0, OK)], timeout=0.25)
        assert outcome.log == [
            "0 start ::1",
            "0.25 timeout ::1",
            "0.25 start 127.0.0.1",
            "1.25 connected 127.0.0.1",
        ]

    def test_a_hard_failure_goes_on_at_once(self) -> None:
        outcome = dial([("::1", 0.01, REFUSED), ("127.0.0.1", 0.1, OK)], timeout=0.25)
        assert outcome.log == [
            "0 start ::1",
            "0.01 failed ::1",
            "0.01 start 127.0.0.1",
            "0.11 connected 127.0.0.1",
        ]

    def test_the_last_has_all_the_time_it_needs(self) -> None:
        outcome = dial([("::1", 0.0, REFUSED), ("127.0.0.1", 75.0, OK)], timeout=0.25)
        assert outcome.log[-1] == "75 connected 127.0.0.1"

    def test_a_single_one_has_no_timer_either(self) -> None:
        assert dial([("::1", 75.0, OK)], timeout=0.25).log == ["0 start ::1", "75 connected ::1"]

    def test_the_errors_are_those_of_every_attempt_in_order(self) -> None:
        outcome = dial(
            [("::1", 1.0, OK), ("10.0.0.1", 0.1, UNREACHABLE), ("::2", 1.0, REFUSED)],
            timeout=0.25,
        )
        assert list(map(str, outcome.errors)) == [
            "connect ETIMEDOUT ::1:80",
            "unreachable",
            "refused",
        ]
        assert isinstance(outcome.errors[0], TimeoutError)

    def test_a_failure_within_the_start_is_a_failure_like_any_other(self) -> None:
        outcome = dial([("::1", 0.0, REFUSED), ("127.0.0.1", 0.0, REFUSED)], timeout=0.25)
        assert outcome.log == [
            "0 start ::1",
            "0 failed ::1",
            "0 start 127.0.0.1",
            "0 failed 127.0.0.1",
        ]
        assert outcome.errors == (REFUSED, REFUSED)


class TestRace:
    """``'race'``: attempts overlap."""

    def test_a_slow_one_goes_on_while_the_next_begins(self) -> None:
        outcome = dial([("::1", 0.3, OK), ("127.0.0.1", 1.0, OK)], 0.25, "race")
        assert outcome.log == [
            "0 start ::1",
            "0.25 start 127.0.0.1",
            "0.3 cancel (connect ECANCELED 127.0.0.1:80) 127.0.0.1",
            "0.3 connected ::1",
        ]

    def test_one_that_connects_in_time_has_no_rival(self) -> None:
        outcome = dial([("::1", 0.2, OK), ("127.0.0.1", 0.0, OK)], 0.25, "race")
        assert outcome.log == ["0 start ::1", "0.2 connected ::1"]

    def test_a_failure_starts_the_next_at_once_and_the_delay_anew(self) -> None:
        outcome = dial(
            [("::1", 0.1, REFUSED), ("10.0.0.1", NEVER, OK), ("::2", 0.1, OK)], 0.25, "race"
        )
        assert [line for line in outcome.log if "cancel" not in line] == [
            "0 start ::1",
            "0.1 failed ::1",
            "0.1 start 10.0.0.1",
            "0.35 start ::2",
            "0.45 connected ::2",
        ]

    def test_a_failure_does_not_disturb_the_others(self) -> None:
        outcome = dial(
            [("::1", 0.3, REFUSED), ("10.0.0.1", 0.2, OK), ("::2", NEVER, OK)], 0.25, "race"
        )
        assert outcome.log == [
            "0 start ::1",
            "0.25 start 10.0.0.1",
            "0.3 failed ::1",
            "0.3 start ::2",
            "0.45 cancel (connect ECANCELED ::2:80) ::2",
            "0.45 connected 10.0.0.1",
        ]

    def test_it_fails_when_all_have_failed_with_the_errors_in_order_of_attempts(self) -> None:
        outcome = dial([("::1", 0.9, REFUSED), ("10.0.0.1", 0.1, UNREACHABLE)], 0.25, "race")
        assert outcome.errors == (REFUSED, UNREACHABLE)


class TestEvents:
    """What is heard late, or twice."""

    def test_an_attempt_that_ended_is_not_heard_any_more(self) -> None:
        slow, next_one = target("::1"), target("127.0.0.1")
        attempts = Attempts([slow, next_one], 0.25)
        assert attempts.next(0.0) == Start(slow)
        assert isinstance(attempts.next(0.25), TimeOut)
        attempts.connected(slow)
        attempts.failed(slow, REFUSED)
        assert attempts.next(0.25) == Start(next_one)

    def test_waiting_says_until_when(self) -> None:
        attempts = Attempts([target("::1"), target("127.0.0.1")], 0.25)
        attempts.next(10.0)
        assert attempts.next(10.1) == Wait(10.25)
        attempts.failed(target("::1"), REFUSED)
        attempts.next(10.2)
        assert attempts.next(10.2) == Wait(None)

    def test_the_outcome_stays(self) -> None:
        attempts = Attempts([target("::1")], 0.25)
        attempts.next(0.0)
        attempts.connected(target("::1"))
        attempts.failed(target("::1"), REFUSED)
        assert attempts.next(0.0) == attempts.next(9.0) == Connected(target("::1"))

    def test_giving_up_cancels_what_is_under_way(self) -> None:
        attempts = Attempts([target("::1"), target("127.0.0.1"), target("::2")], 0.25, "race")
        attempts.next(0.0)
        attempts.next(0.25)
        assert [str(cancel.error) for cancel in attempts.abandon()] == [
            "connect ECANCELED ::1:80",
            "connect ECANCELED 127.0.0.1:80",
        ]

    def test_one_error_is_itself_and_several_are_an_aggregate(self) -> None:
        blocked = ERR_IP_BLOCKED("::1")
        assert Failed((REFUSED,)).error is REFUSED
        error = Failed((blocked, REFUSED)).error
        assert isinstance(error, AggregateError)
        assert error.errors == [blocked, REFUSED]
        assert error.code == "ERR_IP_BLOCKED"


def order(*addresses: str) -> list[str]:
    found = [(address, target(address).family) for address in addresses]
    return [one.address for one in plan(found, "host", 80)]


class TestPlan:
    """The order of the addresses."""

    def test_the_family_of_the_first_begins_and_the_families_take_turns(self) -> None:
        assert order("::1", "::2", "1.1.1.1", "1.1.1.2") == ["::1", "1.1.1.1", "::2", "1.1.1.2"]
        assert order("1.1.1.1", "1.1.1.2", "::1") == ["1.1.1.1", "::1", "1.1.1.2"]
        assert order("::1", "1.1.1.1", "::2", "::3") == ["::1", "1.1.1.1", "::2", "::3"]

    def test_an_address_is_tried_once_but_once_for_each_family(self) -> None:
        assert order("::1", "::1", "0::1") == ["::1", "0::1"]
        both = plan([("1.1.1.1", 4), ("1.1.1.1", 6)], "host", 80)
        assert [one.family for one in both] == [4, 6]

    def test_what_is_no_address_is_left_out_and_does_not_lead(self) -> None:
        found = [("zz", 6), ("1.1.1.1", 5), ("1.1.1.2", 4), ("::1", 6)]
        assert plan(found, "host", 80) == [Target("1.1.1.2", 80, 4), Target("::1", 80, 6)]

    def test_nothing_to_try_is_an_error_that_speaks_of_the_first(self) -> None:
        with pytest.raises(ERR_INVALID_IP_ADDRESS, match=r"^Invalid IP address: zz$"):
            plan([("zz", 4), ("1.1.1.1", 5)], "host", 80)
        with pytest.raises(ERR_INVALID_ADDRESS_FAMILY, match=r"family: 5 host:80$"):
            plan([("1.1.1.1", 5), ("zz", 4)], "host", 80)
        with pytest.raises(ERR_INVALID_IP_ADDRESS):
            plan([], "host", 80)

    def test_a_target_is_shown_as_node_shows_attempted_addresses(self) -> None:
        assert [str(one) for one in plan([("::1", 6), ("1.1.1.1", 4)], "host", 80)] == [
            "::1:80",
            "1.1.1.1:80",
        ]


delays = st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.6, 2.0])
fates = st.lists(st.tuples(delays, st.sampled_from([OK, REFUSED])), min_size=1, max_size=6)


@given(fates, st.sampled_from(["sequential", "race"]))
def test_it_always_ends_and_tries_each_address_at_most_once(
    fates: list[tuple[float, Exception | None]], mode: Mode
) -> None:
    routes = [(f"10.0.0.{number}", *fate) for number, fate in enumerate(fates)]
    outcome = dial(routes, 0.25, mode)
    started = [line.split()[-1] for line in outcome.log if " start " in line]
    assert started == [address for address, *_ in routes][: len(started)]
    if outcome.winner is None:
        assert len(outcome.errors) == len(routes)
    if mode == "race":
        assert (outcome.winner is None) == all(result is REFUSED for _, result in fates)
