"""Controllers, signals and reasons, as in Node."""

from __future__ import annotations

from typing import Any

from oracle import Oracle, Tracer

from nodenet.abort import AbortController, AbortSignal, Event
from nodenet.errors import AbortError


def test_a_signal_is_aborted_once(oracle: Oracle) -> None:
    js = """
    const ac = new AbortController();
    const { signal } = ac;
    t('before', signal.aborted, signal.reason, signal.onabort, ac.signal === signal);
    signal.throwIfAborted();
    signal.onabort = (e) => t('onabort', e.type, e.target === signal, e.currentTarget === signal,
      e.isTrusted, e.cancelable, e.defaultPrevented, signal.aborted, signal.reason);
    t('abort', ac.abort('why'));
    ac.abort('again');
    t('after', signal.aborted, signal.reason);
    """

    def scenario(t: Tracer) -> None:
        ac = AbortController()
        signal = ac.signal
        t("before", signal.aborted, signal.reason, signal.onabort, ac.signal is signal)
        signal.throwIfAborted()

        def onabort(e: Event) -> None:
            t(
                "onabort",
                e.type,
                e.target is signal,
                e.currentTarget is signal,
                e.isTrusted,
                e.cancelable,
                e.defaultPrevented,
                signal.aborted,
                signal.reason,
            )

        signal.onabort = onabort
        ac.abort("why")
        t("abort")
        ac.abort("again")
        t("after", signal.aborted, signal.reason)

    oracle.compareSync(js, scenario)


def test_a_reason_is_made_when_none_is_given(oracle: Oracle) -> None:
    js = """
    const attempt = (signal) => { try { signal.throwIfAborted(); } catch (e) { t('raised', e); } };
    for (const reason of [undefined, new RangeError('mine')]) {
      const ac = new AbortController();
      ac.abort(reason);
      t('reason', ac.signal.reason);
      attempt(ac.signal);
      const signal = AbortSignal.abort(reason);
      t('at once', signal.aborted, signal.reason);
      attempt(signal);
    }
    for (const reason of [0, false, '', 'text'])
      t('reason', AbortSignal.abort(reason).aborted, AbortSignal.abort(reason).reason);
    """

    def scenario(t: Tracer) -> None:
        def attempt(signal: AbortSignal) -> None:
            try:
                signal.throwIfAborted()
            except Exception as error:
                t("raised", error)

        for reason in (None, ValueError("mine")):
            ac = AbortController()
            ac.abort(reason)
            t("reason", ac.signal.reason)
            attempt(ac.signal)
            signal = AbortSignal.abort(reason)
            t("at once", signal.aborted, signal.reason)
            attempt(signal)
        for value in (0, False, "", "text"):
            t("reason", AbortSignal.abort(value).aborted, AbortSignal.abort(value).reason)

    oracle.compareSync(js, scenario)


def test_a_reason_that_is_no_exception_is_the_cause_of_one() -> None:
    try:
        AbortSignal.abort("text").throwIfAborted()
    except AbortError as error:
        assert (error.code, error.name, error.cause) == ("ABORT_ERR", "AbortError", "text")
    else:
        raise AssertionError("it was not raised")


def test_signals_are_not_constructed(oracle: Oracle) -> None:
    js = "try { new AbortSignal(); } catch (error) { t('refused', error); }"

    def scenario(t: Tracer) -> None:
        try:
            AbortSignal()
        except TypeError as error:
            t("refused", error)

    oracle.compareSync(js, scenario)


def test_an_aborted_signal_hears_nothing_more(oracle: Oracle) -> None:
    js = """
    const ac = new AbortController();
    ac.signal.addEventListener('abort', () => { t('heard'); ac.abort('nested'); });
    ac.abort('outer');
    ac.signal.addEventListener('abort', () => t('too late'));
    ac.abort();
    AbortSignal.abort().onabort = () => t('never');
    t('reason', ac.signal.reason);
    """

    def scenario(t: Tracer) -> None:
        ac = AbortController()

        def heard(event: Event) -> None:
            t("heard")
            ac.abort("nested")

        ac.signal.addEventListener("abort", heard)
        ac.abort("outer")
        ac.signal.addEventListener("abort", lambda _: t("too late"))
        ac.abort()
        AbortSignal.abort().onabort = lambda _: t("never")
        t("reason", ac.signal.reason)

    oracle.compareSync(js, scenario)


def test_onabort_keeps_its_place_among_the_listeners(oracle: Oracle) -> None:
    js = """
    const ac = new AbortController();
    const { signal } = ac;
    signal.onabort = null;
    signal.addEventListener('abort', () => t('before'));
    signal.onabort = () => t('first');
    signal.addEventListener('abort', () => t('behind'));
    signal.onabort = null;
    t('is', signal.onabort);
    signal.onabort = () => t('second');
    ac.abort();
    signal.onabort = undefined;
    t('is', signal.onabort);
    """

    def scenario(t: Tracer) -> None:
        ac = AbortController()
        signal = ac.signal
        signal.onabort = None
        signal.addEventListener("abort", lambda _: t("before"))
        signal.onabort = lambda _: t("first")
        signal.addEventListener("abort", lambda _: t("behind"))
        signal.onabort = None
        t("is", signal.onabort)
        signal.onabort = lambda _: t("second")
        ac.abort()
        signal.onabort = None
        t("is", signal.onabort)

    oracle.compareSync(js, scenario)


def test_states_cannot_be_assigned() -> None:
    ac: Any = AbortController()
    for owner, name in ((ac, "signal"), (ac.signal, "aborted"), (ac.signal, "reason")):
        try:
            setattr(owner, name, True)
        except AttributeError:
            continue
        raise AssertionError(f"{name} was assigned")


def test_a_repr_shows_the_state() -> None:
    ac = AbortController()
    assert repr(ac) == "<AbortController signal=<AbortSignal aborted=False>>"
    ac.abort()
    assert repr(ac.signal) == "<AbortSignal aborted=True>"
