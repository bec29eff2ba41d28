"""`once`: an event as a Deferred, as Node's promise."""

from __future__ import annotations

from typing import Any

from oracle import Oracle, Tracer
from twisted.internet.defer import CancelledError, Deferred

from nodenet.abort import AbortController, AbortSignal
from nodenet.errors import ERR_UNHANDLED_ERROR
from nodenet.events import EventEmitter, getEventListeners, once
from nodenet.loop import nextTick, queueMicrotask

TRY_JS = """
const attempt = async (label, promise) => {
  try { t(label, await promise); } catch (error) { t(`${label} failed`, error); }
};
"""


def attempting(body: str) -> str:
    """A scenario for Node."""
    return TRY_JS + body


async def attempt(t: Tracer, label: str, deferred: Deferred[Any]) -> None:
    try:
        t(label, await deferred)
    except Exception as error:
        t(f"{label} failed", error)


async def test_it_fires_with_what_listeners_are_called_with(oracle: Oracle) -> None:
    js = attempting("""
    const e = new events.EventEmitter();
    const promise = events.once(e, 'x');
    t('waiting', e.eventNames(), e.listenerCount('x'));
    e.emit('x', 1, 'two');
    t('left', e.eventNames());
    e.emit('x', 3);
    await attempt('x', promise);
    const [first, second] = [events.once(e, 'y'), events.once(e, 'y')];
    e.emit('y');
    await attempt('first', first);
    await attempt('second', second);
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        deferred = once(e, "x")
        t("waiting", e.eventNames(), e.listenerCount("x"))
        e.emit("x", 1, "two")
        t("left", e.eventNames())
        e.emit("x", 3)
        await attempt(t, "x", deferred)
        first, second = once(e, "y"), once(e, "y")
        e.emit("y")
        await attempt(t, "first", first)
        await attempt(t, "second", second)

    await oracle.compare(js, scenario)


async def test_whoever_awaits_goes_on_after_the_other_listeners_and_ticks(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    const waiter = async () => { await events.once(e, 'x'); t('after await'); };
    process.nextTick(() => {
      const waited = waiter();
      e.on('x', () => { t('other listener'); process.nextTick(() => t('its tick')); });
      e.emit('x');
      t('emitted');
      queueMicrotask(() => t('microtask'));
      waited.then(() => t('last'));
    });
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()

        async def waiter() -> None:
            await once(e, "x")
            t("after await")

        def other() -> None:
            t("other listener")
            nextTick(lambda: t("its tick"))

        def begin() -> None:
            waited = Deferred.fromCoroutine(waiter())
            e.on("x", other)
            e.emit("x")
            t("emitted")
            queueMicrotask(lambda: t("microtask"))
            waited.addCallback(lambda _: t("last"))

        nextTick(begin)

    await oracle.compare(js, scenario)


async def test_an_error_comes_first(oracle: Oracle) -> None:
    js = attempting("""
    const e = new events.EventEmitter();
    e.on('removeListener', (name) => t('removed', name));
    const promise = events.once(e, 'x');
    t('emitted', e.emit('error', new RangeError('before x')));
    t('left', e.eventNames());
    await attempt('x', promise);
    const happened = events.once(e, 'y');
    e.emit('y');
    await attempt('y', happened);
    e.on('error', () => t('other listener'));
    const second = events.once(e, 'z');
    e.emit('error', new Error('again'));
    await attempt('z', second);
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("removeListener", lambda name, _: t("removed", name))
        deferred = once(e, "x")
        t("emitted", e.emit("error", ValueError("before x")))
        t("left", e.eventNames())
        await attempt(t, "x", deferred)
        happened = once(e, "y")
        e.emit("y")
        await attempt(t, "y", happened)
        e.on("error", lambda _: t("other listener"))
        second = once(e, "z")
        e.emit("error", Exception("again"))
        await attempt(t, "z", second)

    await oracle.compare(js, scenario)


async def test_an_error_that_is_waited_for_is_a_value(oracle: Oracle) -> None:
    js = attempting("""
    const e = new events.EventEmitter();
    const promise = events.once(e, 'error');
    e.emit('error', new Error('expected'), 7);
    await attempt('error', promise);
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        deferred = once(e, "error")
        e.emit("error", Exception("expected"), 7)
        await attempt(t, "error", deferred)

    await oracle.compare(js, scenario)


async def test_a_signal_ends_the_waiting(oracle: Oracle) -> None:
    js = attempting("""
    const e = new events.EventEmitter();
    e.on('removeListener', (name) => t('removed', name));
    const ac = new AbortController();
    const promise = events.once(e, 'x', { signal: ac.signal });
    t('listening', events.getEventListeners(ac.signal, 'abort').length);
    ac.abort('why');
    t('left', e.eventNames(), events.getEventListeners(ac.signal, 'abort').length);
    e.emit('x', 'too late');
    await attempt('x', promise);
    const early = new AbortController();
    const happened = events.once(e, 'y', { signal: early.signal });
    e.emit('y', 1);
    t('left', e.eventNames(), events.getEventListeners(early.signal, 'abort').length);
    early.abort();
    await attempt('y', happened);
    await attempt('aborted', events.once(e, 'z', { signal: AbortSignal.abort() }));
    await attempt('for a reason', events.once(e, 'z', { signal: AbortSignal.abort('why') }));
    t('left', e.eventNames());
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("removeListener", lambda name, _: t("removed", name))
        ac = AbortController()
        deferred = once(e, "x", signal=ac.signal)
        t("listening", len(getEventListeners(ac.signal, "abort")))
        ac.abort("why")
        t("left", e.eventNames(), len(getEventListeners(ac.signal, "abort")))
        e.emit("x", "too late")
        await attempt(t, "x", deferred)
        early = AbortController()
        happened = once(e, "y", {"signal": early.signal})
        e.emit("y", 1)
        t("left", e.eventNames(), len(getEventListeners(early.signal, "abort")))
        early.abort()
        await attempt(t, "y", happened)
        await attempt(t, "aborted", once(e, "z", signal=AbortSignal.abort()))
        await attempt(t, "for a reason", once(e, "z", signal=AbortSignal.abort("why")))
        t("left", e.eventNames())

    await oracle.compare(js, scenario)


async def test_a_signal_is_waited_for_like_an_emitter(oracle: Oracle) -> None:
    js = attempting("""
    const ac = new AbortController();
    const promise = events.once(ac.signal, 'abort');
    ac.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    const behind = events.once(ac.signal, 'abort');
    ac.abort();
    t('type', (await promise)[0].type, (await behind)[0].target === ac.signal);
    """)

    async def scenario(t: Tracer) -> None:
        ac = AbortController()
        deferred = once(ac.signal, "abort")
        ac.signal.addEventListener("abort", lambda event: event.stopImmediatePropagation())
        behind = once(ac.signal, "abort")
        ac.abort()
        t("type", (await deferred)[0].type, (await behind)[0].target is ac.signal)

    await oracle.compare(js, scenario)


async def test_bad_arguments_fail_the_deferred(oracle: Oracle) -> None:
    js = attempting("""
    const e = new events.EventEmitter();
    for (const emitter of [{}, 5, 'x']) await attempt('emitter', events.once(emitter, 'x'));
    for (const options of [5, 'x']) await attempt('options', events.once(e, 'x', options));
    for (const signal of [5, 'x', {}]) await attempt('signal', events.once(e, 'x', { signal }));
    t('left', e.eventNames());
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        given: Any
        for given in ({}, 5, "x"):
            await attempt(t, "emitter", once(given, "x"))
        for given in (5, "x"):
            await attempt(t, "options", once(e, "x", given))
        for given in (5, "x", {}):
            await attempt(t, "signal", once(e, "x", signal=given))
        t("left", e.eventNames())

    await oracle.compare(js, scenario)


async def test_a_cancelled_deferred_leaves_no_listener() -> None:
    e, ac = EventEmitter(), AbortController()
    deferred = once(e, "x", signal=ac.signal)
    deferred.cancel()
    assert e.eventNames() == []
    assert getEventListeners(ac.signal, "abort") == []
    try:
        await deferred
    except CancelledError:
        return
    raise AssertionError("it was not cancelled")


async def test_a_deferred_cancelled_after_its_event_stays_cancelled() -> None:
    e = EventEmitter()
    failures: list[Any] = []
    deferred = once(e, "x").addErrback(failures.append)
    e.emit("x")
    deferred.cancel()
    e.emit("x")
    await once_more(e)
    assert [failure.type for failure in failures] == [CancelledError]


async def once_more(e: EventEmitter) -> None:
    deferred = once(e, "again")
    e.emit("again")
    await deferred


async def test_an_error_that_is_no_exception_is_put_into_one() -> None:
    e = EventEmitter()
    deferred = once(e, "x")
    e.emit("error", "text")
    try:
        await deferred
    except ERR_UNHANDLED_ERROR as error:
        assert error.context == "text"
        return
    raise AssertionError("it did not fail")
