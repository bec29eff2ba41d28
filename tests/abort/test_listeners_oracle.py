"""Listeners of signals: event targets, as in Node."""

from __future__ import annotations

from typing import Any

from oracle import Oracle, Tracer

from nodenet.abort import AbortController, Event
from nodenet.events import getEventListeners


class Handler:
    """An object with handleEvent."""

    def __init__(self, t: Tracer) -> None:
        self.t = t

    def handleEvent(self, event: Event) -> None:
        self.t("object", event.type)


def test_a_listener_is_added_once_and_called_in_order(oracle: Oracle) -> None:
    js = """
    const ac = new AbortController();
    const { signal } = ac;
    const f = () => t('f'), g = () => t('g'), h = () => t('h');
    const object = { handleEvent(event) { t('object', event.type); } };
    signal.addEventListener('abort', f);
    signal.addEventListener('abort', f);
    signal.addEventListener('abort', f, true);
    signal.addEventListener('abort', object);
    signal.addEventListener('abort', g, { once: true });
    signal.addEventListener('abort', g);
    signal.addEventListener('abort', h);
    signal.removeEventListener('abort', h);
    signal.removeEventListener('abort', h);
    signal.removeEventListener('abort', f, { capture: true });
    signal.removeEventListener('nothing', f);
    t('listening', events.getEventListeners(signal, 'abort').length);
    ac.abort();
    t('left', events.getEventListeners(signal, 'abort').length);
    """

    def scenario(t: Tracer) -> None:
        ac = AbortController()
        signal = ac.signal
        f, g, h = lambda _: t("f"), lambda _: t("g"), lambda _: t("h")
        signal.addEventListener("abort", f)
        signal.addEventListener("abort", f)
        signal.addEventListener("abort", f, True)
        signal.addEventListener("abort", Handler(t))
        signal.addEventListener("abort", g, {"once": True})
        signal.addEventListener("abort", g)
        signal.addEventListener("abort", h)
        signal.removeEventListener("abort", h)
        signal.removeEventListener("abort", h)
        signal.removeEventListener("abort", f, capture=True)
        signal.removeEventListener("nothing", f)
        t("listening", len(getEventListeners(signal, "abort")))
        ac.abort()
        t("left", len(getEventListeners(signal, "abort")))

    oracle.compareSync(js, scenario)


async def test_a_listener_that_fails_does_not_stop_the_others(oracle: Oracle) -> None:
    js = """
    const ac = new AbortController();
    ac.signal.addEventListener('abort', () => { throw new TypeError('at once'); });
    ac.signal.addEventListener('abort', async () => { throw new Error('later'); });
    ac.signal.addEventListener('abort', () => t('the next one'));
    ac.abort();
    t('aborted');
    """

    def scenario(t: Tracer) -> None:
        ac = AbortController()

        def fail(event: Event) -> None:
            raise TypeError("at once")

        async def failLater(event: Event) -> None:
            raise Exception("later")

        ac.signal.addEventListener("abort", fail)
        ac.signal.addEventListener("abort", failLater)
        ac.signal.addEventListener("abort", lambda _: t("the next one"))
        ac.abort()
        t("aborted")

    await oracle.compare(js, scenario)


def test_changes_while_dispatching(oracle: Oracle) -> None:
    js = """
    const removing = new AbortController();
    const second = () => t('removed');
    removing.signal.addEventListener('abort', () => {
      t('first'); removing.signal.removeEventListener('abort', second);
    });
    removing.signal.addEventListener('abort', second);
    removing.signal.addEventListener('abort', () => t('third'));
    removing.abort();
    for (const behind of [true, false]) {
      const adding = new AbortController();
      adding.signal.addEventListener('abort', () => {
        t('adds'); adding.signal.addEventListener('abort', () => t('added'));
      });
      if (behind) adding.signal.addEventListener('abort', () => t('behind'));
      adding.abort();
    }
    const clearing = new AbortController();
    clearing.signal.onabort = () => { t('onabort'); clearing.signal.onabort = null; };
    clearing.abort();
    """

    def scenario(t: Tracer) -> None:
        removing = AbortController()

        def second(event: Event) -> None:
            t("removed")

        def first(event: Event) -> None:
            t("first")
            removing.signal.removeEventListener("abort", second)

        removing.signal.addEventListener("abort", first)
        removing.signal.addEventListener("abort", second)
        removing.signal.addEventListener("abort", lambda _: t("third"))
        removing.abort()
        for behind in (True, False):
            adding = AbortController()

            def add(event: Any) -> None:
                t("adds")
                event.target.addEventListener("abort", lambda _: t("added"))

            adding.signal.addEventListener("abort", add)
            if behind:
                adding.signal.addEventListener("abort", lambda _: t("behind"))
            adding.abort()
        clearing = AbortController()

        def clear(event: Event) -> None:
            t("onabort")
            clearing.signal.onabort = None

        clearing.signal.onabort = clear
        clearing.abort()

    oracle.compareSync(js, scenario)


def test_a_signal_removes_listeners_of_another(oracle: Oracle) -> None:
    js = """
    const [remover, ac] = [new AbortController(), new AbortController()];
    ac.signal.addEventListener('abort', () => t('removed'), { signal: remover.signal });
    remover.abort();
    ac.signal.addEventListener('abort', () => t('not added'), { signal: remover.signal });
    ac.signal.addEventListener('abort', () => t('stays'),
      { signal: new AbortController().signal });
    ac.abort();
    """

    def scenario(t: Tracer) -> None:
        remover, ac = AbortController(), AbortController()
        ac.signal.addEventListener("abort", lambda _: t("removed"), {"signal": remover.signal})
        remover.abort()
        ac.signal.addEventListener("abort", lambda _: t("not added"), signal=remover.signal)
        ac.signal.addEventListener("abort", lambda _: t("stays"), signal=AbortController().signal)
        ac.abort()

    oracle.compareSync(js, scenario)


async def test_bad_listeners_and_options_are_refused(oracle: Oracle) -> None:
    js = """
    const { signal } = new AbortController();
    const attempt = (label, f) => { try { f(); t(label); } catch (error) { t(label, error); } };
    for (const value of [5, 'x', true]) {
      attempt('add', () => signal.addEventListener('abort', value));
      attempt('remove', () => signal.removeEventListener('abort', value));
    }
    for (const options of [5, 'x'])
      attempt('options', () => signal.addEventListener('abort', () => {}, options));
    for (const value of [5, 'x', {}])
      attempt('signal', () => signal.addEventListener('abort', () => {}, { signal: value }));
    attempt('remove nothing', () => signal.removeEventListener('abort', null));
    """

    def scenario(t: Tracer) -> None:
        signal = AbortController().signal

        def attempt(label: str, method: Any, *args: Any) -> None:
            try:
                method("abort", *args)
                t(label)
            except TypeError as error:
                t(label, error)

        value: Any
        for value in (5, "x", True):
            attempt("add", signal.addEventListener, value)
            attempt("remove", signal.removeEventListener, value)
        for options in (5, "x"):
            attempt("options", signal.addEventListener, print, options)
        for value in (5, "x", {}):
            attempt("signal", signal.addEventListener, print, {"signal": value})
        attempt("remove nothing", signal.removeEventListener, None)

    await oracle.compare(js, scenario)


def test_no_listener_at_all_is_warned_of() -> None:
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        AbortController().signal.addEventListener("abort", None)
    (warning,) = caught
    told: Any = warning.message
    assert told.name == "AddEventListenerArgumentTypeWarning"
    assert str(told) == "addEventListener called with None which has no effect."
    assert warning.filename == __file__


def test_events_are_dispatched_without_aborting(oracle: Oracle) -> None:
    js = """
    const { signal } = new AbortController();
    signal.addEventListener('abort', (e) => t('heard', e.isTrusted, signal.aborted));
    t('dispatched', signal.dispatchEvent(new Event('abort')));
    signal.addEventListener('foo', (event) => {
      event.preventDefault();
      t('prevented', event.defaultPrevented);
      try { signal.dispatchEvent(event); } catch (error) { t('refused', error); }
    });
    const event = new Event('foo', { cancelable: true });
    t('target', event.target, event.currentTarget);
    t('dispatched', signal.dispatchEvent(event), signal.dispatchEvent(new Event('foo')));
    t('target', event.target === signal, event.currentTarget);
    t('nobody', signal.dispatchEvent(new Event('bar')));
    for (const value of [null, 5, {}])
      try { signal.dispatchEvent(value); } catch (error) { t('refused', error); }
    for (const options of [5, 'x'])
      try { new Event('foo', options); } catch (error) { t('refused', error); }
    """

    def scenario(t: Tracer) -> None:
        signal = AbortController().signal
        signal.addEventListener("abort", lambda e: t("heard", e.isTrusted, signal.aborted))
        t("dispatched", signal.dispatchEvent(Event("abort")))

        def prevent(event: Event) -> None:
            event.preventDefault()
            t("prevented", event.defaultPrevented)
            try:
                signal.dispatchEvent(event)
            except Exception as error:
                t("refused", error)

        signal.addEventListener("foo", prevent)
        event = Event("foo", {"cancelable": True})
        t("target", event.target, event.currentTarget)
        t("dispatched", signal.dispatchEvent(event), signal.dispatchEvent(Event("foo")))
        t("target", event.target is signal, event.currentTarget)
        t("nobody", signal.dispatchEvent(Event("bar")))
        value: Any
        for value in (None, 5, {}):
            try:
                signal.dispatchEvent(value)
            except TypeError as error:
                t("refused", error)
        for value in (5, "x"):
            try:
                Event("foo", value)
            except TypeError as error:
                t("refused", error)

    oracle.compareSync(js, scenario)


def test_a_listener_keeps_an_event_from_those_behind_it(oracle: Oracle) -> None:
    js = """
    const { signal } = new AbortController();
    signal.addEventListener('foo', (event) => { t('stops'); event.stopImmediatePropagation(); });
    signal.addEventListener('foo', () => t('never'));
    const event = new Event('foo');
    t('dispatched', signal.dispatchEvent(event));
    t('dispatched', signal.dispatchEvent(event));
    """

    def scenario(t: Tracer) -> None:
        signal = AbortController().signal

        def stop(event: Event) -> None:
            t("stops")
            event.stopImmediatePropagation()

        signal.addEventListener("foo", stop)
        signal.addEventListener("foo", lambda _: t("never"))
        event = Event("foo")
        t("dispatched", signal.dispatchEvent(event))
        t("dispatched", signal.dispatchEvent(event))

    oracle.compareSync(js, scenario)
