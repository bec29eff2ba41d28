"""How many listeners there may be, and the warning when there are more."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import events
from nodenet.abort import AbortController
from nodenet.errors import MaxListenersExceededWarning
from nodenet.events import EventEmitter, errorMonitor


@pytest.fixture(autouse=True)
def default() -> Iterator[None]:
    """The default is everybody's: put it back."""
    before = events.defaultMaxListeners
    yield
    events.defaultMaxListeners = before


def nothing(*args: object) -> None:
    """Listen to nothing in particular."""


def test_limits_are_checked_wherever_they_are_set(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    for (const n of [-1, NaN, '1', null, true, [], Infinity, 0, 1.5, 7]) {
      const ways = [() => e.setMaxListeners(n).getMaxListeners(),
                    () => { events.defaultMaxListeners = n; return events.defaultMaxListeners; },
                    () => { events.setMaxListeners(n, e); return events.getMaxListeners(e); }];
      for (const way of ways) try { t('is', way()); } catch (error) { t('refused', error); }
    }
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()

        def throughModule(n: Any) -> float:
            events.defaultMaxListeners = n
            return events.defaultMaxListeners

        def throughFunction(n: Any) -> float:
            events.setMaxListeners(n, e)
            return events.getMaxListeners(e)

        def throughMethod(n: Any) -> float:
            return e.setMaxListeners(n).getMaxListeners()

        n: Any
        for n in (-1, math.nan, "1", None, True, [], math.inf, 0, 1.5, 7):
            for way in (throughMethod, throughModule, throughFunction):
                try:
                    t("is", way(n))
                except (TypeError, ValueError) as error:
                    t("refused", error)

    oracle.compareSync(js, scenario)


def test_the_default_is_for_those_who_have_no_limit_of_their_own(oracle: Oracle) -> None:
    js = """
    const [own, other] = [new events.EventEmitter(), new events.EventEmitter()];
    own.setMaxListeners(3);
    events.setMaxListeners(5);
    t('default', events.defaultMaxListeners, own.getMaxListeners(), other.getMaxListeners());
    t('new', new events.EventEmitter().getMaxListeners(), new net.Socket().getMaxListeners());
    """

    def scenario(t: Tracer) -> None:
        class Derived(EventEmitter):
            pass

        own, other = EventEmitter(), EventEmitter()
        own.setMaxListeners(3)
        events.setMaxListeners(5)
        t("default", events.defaultMaxListeners, own.getMaxListeners(), other.getMaxListeners())
        t("new", EventEmitter().getMaxListeners(), Derived().getMaxListeners())

    oracle.compareSync(js, scenario)


def test_a_class_can_have_a_default_of_its_own() -> None:
    class Crowded(EventEmitter):
        defaultMaxListeners = 100

    assert Crowded().getMaxListeners() == 100
    assert EventEmitter().getMaxListeners() == events.defaultMaxListeners == 10
    EventEmitter.defaultMaxListeners = 12
    assert events.defaultMaxListeners == 12


def test_setting_limits_of_several_stops_at_what_has_none(oracle: Oracle) -> None:
    js = """
    const [a, b] = [new events.EventEmitter(), new events.EventEmitter()];
    const { signal } = new AbortController();
    events.setMaxListeners(4, a, signal, b);
    t('are', ...[a, signal, b].map(events.getMaxListeners));
    try { events.setMaxListeners(2, a, {}, b); } catch (error) { t('refused', error); }
    t('are', a.getMaxListeners(), b.getMaxListeners());
    try { events.getMaxListeners({}); } catch (error) { t('refused', error); }
    """

    def scenario(t: Tracer) -> None:
        a, b, signal = EventEmitter(), EventEmitter(), AbortController().signal
        nobody: Any = {}
        events.setMaxListeners(4, a, signal, b)
        t("are", *[events.getMaxListeners(one) for one in (a, signal, b)])
        try:
            events.setMaxListeners(2, a, nobody, b)
        except TypeError as error:
            t("refused", error)
        t("are", a.getMaxListeners(), b.getMaxListeners())
        try:
            events.getMaxListeners(nobody)
        except TypeError as error:
            t("refused", error)

    oracle.compareSync(js, scenario)


async def test_more_listeners_than_expected_are_warned_of_once(oracle: Oracle) -> None:
    js = """
    class Pool extends events.EventEmitter {}
    const pool = new Pool();
    const add = (name, n) => { for (let i = 0; i < n; i++) pool.on(name, () => {}); };
    pool.setMaxListeners(2);
    add('a', 5);
    add(events.errorMonitor, 3);
    pool.removeAllListeners('a');
    add('a', 4);
    pool.setMaxListeners(1.5);
    add('b', 3);
    pool.setMaxListeners(0);
    add('c', 20);
    pool.setMaxListeners(Infinity);
    add('d', 20);
    const plain = new events.EventEmitter();
    for (let i = 0; i < 11; i++) plain.prependOnceListener('e', () => {});
    """

    def scenario(t: Tracer) -> None:
        class Pool(EventEmitter):
            pass

        pool = Pool()

        def add(name: Any, n: int) -> None:
            for _ in range(n):
                pool.on(name, nothing)

        pool.setMaxListeners(2)
        add("a", 5)
        add(errorMonitor, 3)
        pool.removeAllListeners("a")
        add("a", 4)
        pool.setMaxListeners(1.5)
        add("b", 3)
        pool.setMaxListeners(0)
        add("c", 20)
        pool.setMaxListeners(math.inf)
        add("d", 20)
        plain = EventEmitter()
        for _ in range(11):
            plain.prependOnceListener("e", nothing)

    await oracle.compare(js, scenario)


async def test_a_warning_comes_again_when_only_one_was_left(oracle: Oracle) -> None:
    js = """
    const f = () => {};
    for (const limit of [1, 2]) {
      const e = new events.EventEmitter();
      e.setMaxListeners(limit);
      for (let i = 0; i <= limit; i++) e.on('x', f);
      e.off('x', f).on('x', f);
    }
    """

    def scenario(t: Tracer) -> None:
        for limit in (1, 2):
            e = EventEmitter()
            e.setMaxListeners(limit)
            for _ in range(limit + 1):
                e.on("x", nothing)
            e.off("x", nothing).on("x", nothing)

    await oracle.compare(js, scenario)


async def test_signals_have_a_limit_when_they_are_given_one(oracle: Oracle) -> None:
    js = """
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) signal.addEventListener('abort', () => {});
    const limited = new AbortController().signal;
    events.setMaxListeners(1, limited);
    for (let i = 0; i < 4; i++) limited.addEventListener('abort', () => {});
    """

    def scenario(t: Tracer) -> None:
        signal = AbortController().signal
        for _ in range(20):
            signal.addEventListener("abort", lambda event: None)
        limited = AbortController().signal
        events.setMaxListeners(1, limited)
        for _ in range(4):
            limited.addEventListener("abort", lambda event: None)

    await oracle.compare(js, scenario)


def test_the_warning_says_where_and_carries_its_facts() -> None:
    e = EventEmitter()
    e.setMaxListeners(1)
    e.on("x", nothing)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        e.on("x", nothing)
    (warning,) = caught
    told = warning.message
    assert isinstance(told, MaxListenersExceededWarning)
    assert (told.name, told.emitter, told.type, told.count) == (
        "MaxListenersExceededWarning",
        e,
        "x",
        2,
    )
    assert warning.filename == __file__
