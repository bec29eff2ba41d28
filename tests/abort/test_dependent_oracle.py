"""Signals made of signals, and of time."""

from __future__ import annotations

import gc
import math
from typing import Any

from oracle import Oracle, Tracer

from nodenet.abort import AbortController, AbortSignal, Event
from nodenet.loop import pollerOf


def test_any_is_aborted_with_the_first(oracle: Oracle) -> None:
    js = """
    const [a, b] = [new AbortController(), new AbortController()];
    const any = AbortSignal.any([a.signal, b.signal]);
    const nested = AbortSignal.any([AbortSignal.any([]), any, new AbortController().signal]);
    nested.onabort = (event) => t('nested', any.reason, event.isTrusted, event.target === nested);
    any.onabort = () => t('any', nested.aborted, nested.reason);
    a.signal.onabort = () => t('a', any.aborted, nested.aborted);
    b.signal.onabort = () => t('b', any.reason);
    t('before', any.aborted, any.reason);
    a.abort('why');
    b.abort('other');
    t('after', any.reason, nested.reason);
    """

    def scenario(t: Tracer) -> None:
        a, b = AbortController(), AbortController()
        any_ = AbortSignal.any([a.signal, b.signal])
        nested = AbortSignal.any([AbortSignal.any([]), any_, AbortController().signal])

        def heard(event: Event) -> None:
            t("nested", any_.reason, event.isTrusted, event.target is nested)

        nested.onabort = heard
        any_.onabort = lambda _: t("any", nested.aborted, nested.reason)
        a.signal.onabort = lambda _: t("a", any_.aborted, nested.aborted)
        b.signal.onabort = lambda _: t("b", any_.reason)
        t("before", any_.aborted, any_.reason)
        a.abort("why")
        b.abort("other")
        t("after", any_.reason, nested.reason)

    oracle.compareSync(js, scenario)


def test_any_of_an_aborted_signal_is_aborted(oracle: Oracle) -> None:
    js = """
    const any = AbortSignal.any([new AbortController().signal, AbortSignal.abort('first'),
                                 AbortSignal.abort('second')]);
    t('is', any.aborted, any.reason);
    t('of it', AbortSignal.any([any]).reason);
    t('of nothing', AbortSignal.any([]).aborted);
    t('of a set', AbortSignal.any(new Set([AbortSignal.abort(1)])).reason);
    """

    def scenario(t: Tracer) -> None:
        signals = [AbortController().signal, AbortSignal.abort("first")]
        any_ = AbortSignal.any([*signals, AbortSignal.abort("second")])
        t("is", any_.aborted, any_.reason)
        t("of it", AbortSignal.any([any_]).reason)
        t("of nothing", AbortSignal.any([]).aborted)
        t("of a set", AbortSignal.any({AbortSignal.abort(1)}).reason)

    oracle.compareSync(js, scenario)


def test_any_can_be_made_while_its_source_aborts(oracle: Oracle) -> None:
    js = """
    const ac = new AbortController();
    const first = AbortSignal.any([ac.signal]);
    const second = AbortSignal.any([ac.signal, ac.signal]);
    first.onabort = () => t('first', second.aborted, AbortSignal.any([ac.signal]).aborted);
    second.onabort = () => t('second');
    ac.abort();
    """

    def scenario(t: Tracer) -> None:
        ac = AbortController()
        first = AbortSignal.any([ac.signal])
        second = AbortSignal.any([ac.signal, ac.signal])
        first.onabort = lambda _: t("first", second.aborted, AbortSignal.any([ac.signal]).aborted)
        second.onabort = lambda _: t("second")
        ac.abort()

    oracle.compareSync(js, scenario)


def test_any_takes_signals_only(oracle: Oracle) -> None:
    js = """
    const bad = [null, 5, 'x', [1], [null], [new AbortController()], [{ aborted: true }],
                 [AbortSignal.abort(), 5]];
    for (const signals of bad)
      try { AbortSignal.any(signals); } catch (error) { t('refused', error); }
    """

    def scenario(t: Tracer) -> None:
        bad: list[Any] = [None, 5, "x", [1], [None], [AbortController()], [{"aborted": True}]]
        for signals in [*bad, [AbortSignal.abort(), 5]]:
            try:
                AbortSignal.any(signals)
            except TypeError as error:
                t("refused", error)

    oracle.compareSync(js, scenario)


async def test_a_timeout_aborts_and_keeps_nothing_going(oracle: Oracle) -> None:
    js = """
    const never = AbortSignal.timeout(60000);
    never.onabort = () => t('never');
    const signal = AbortSignal.timeout(1);
    signal.onabort = (event) => t('timed out', event.type, signal.aborted, signal.reason);
    const any = AbortSignal.any([AbortSignal.timeout(1), never]);
    any.onabort = () => t('any', any.reason);
    t('before', signal.aborted, signal.reason);
    setTimeout(() => {}, 20);
    """

    def scenario(t: Tracer) -> None:
        never = AbortSignal.timeout(60_000)
        never.onabort = lambda _: t("never")
        signal = AbortSignal.timeout(1)

        def heard(event: Event) -> None:
            t("timed out", event.type, signal.aborted, signal.reason)

        signal.onabort = heard
        any_ = AbortSignal.any([AbortSignal.timeout(1), never])
        any_.onabort = lambda _: t("any", any_.reason)
        t("before", signal.aborted, signal.reason)

        def end() -> None:
            never.onabort = None
            any_.onabort = None

        pollerOf().callLater(0.02, end)

    await oracle.compare(js, scenario)
    gc.collect()  # the timer that never fires goes with its signal


async def test_delays_are_checked(oracle: Oracle) -> None:
    js = """
    for (const delay of [null, -1, '5', 1.5, 2 ** 32, NaN, Infinity, {}, true])
      try { AbortSignal.timeout(delay); } catch (error) { t('refused', error); }
    const signal = AbortSignal.timeout(2 ** 32 - 1);
    signal.onabort = () => t('overflow', signal.reason);
    setTimeout(() => {}, 20);
    """

    def scenario(t: Tracer) -> None:
        delay: Any
        for delay in (None, -1, "5", 1.5, 2**32, math.nan, math.inf, {}, True):
            try:
                AbortSignal.timeout(delay)
            except (TypeError, ValueError) as error:
                t("refused", error)
        signal = AbortSignal.timeout(2**32 - 1)
        signal.onabort = lambda _: t("overflow", signal.reason)
        pollerOf().callLater(0.02, lambda: None)

    await oracle.compare(js, scenario)
