"""`on`: events as an asynchronous iterator, as Node's."""

from __future__ import annotations

import math
from typing import Any

from events.taking import take, taken, taking
from oracle import Oracle, Tracer
from twisted.internet.defer import CancelledError, Deferred

from nodenet.abort import AbortController
from nodenet.events import EventEmitter, on
from nodenet.loop import nextTick, queueMicrotask


async def test_events_wait_until_they_are_taken(oracle: Oracle) -> None:
    js = taking("""
    const it = events.on(e, 'x');
    t('listening', e.eventNames());
    e.emit('x', 1); e.emit('x', 2, 'three'); e.emit('x');
    await take(it, 3);
    const [first, second] = [it.next(), it.next()];
    e.emit('x', 'first'); e.emit('x', 'second');
    t('in order', await taken(second), await taken(first));
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        it = on(e, "x")
        t("listening", e.eventNames())
        e.emit("x", 1)
        e.emit("x", 2, "three")
        e.emit("x")
        await take(t, it, 3)
        first, second = it.__anext__(), it.__anext__()
        e.emit("x", "first")
        e.emit("x", "second")
        t("in order", await taken(second), await taken(first))

    await oracle.compare(js, scenario)


async def test_a_loop_takes_turns_with_others(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    const loop = async () => {
      let n = 0;
      for await (const [value] of events.on(e, 'x')) {
        t('got', value);
        if (++n === 4) break;
      }
      t('left', e.eventNames());
    };
    process.nextTick(() => {
      loop();
      e.emit('x', 1); e.emit('x', 2);
      process.nextTick(() => { t('tick'); e.emit('x', 3); });
      setTimeout(() => { e.emit('x', 4); t('emitted'); }, 1);
    });
    """

    def scenario(t: Tracer) -> None:
        from twisted.internet import reactor

        from nodenet.loop import pollerOf

        e = EventEmitter()

        async def loop() -> None:
            n = 0
            async for (value,) in on(e, "x"):
                t("got", value)
                n += 1
                if n == 4:
                    break
            t("left", e.eventNames())

        def tick() -> None:
            t("tick")
            e.emit("x", 3)

        def later() -> None:
            e.emit("x", 4)
            t("emitted")

        def begin() -> None:
            Deferred.fromCoroutine(loop())
            e.emit("x", 1)
            e.emit("x", 2)
            nextTick(tick)
            pollerOf(reactor).callLater(0.001, later)

        nextTick(begin)

    await oracle.compare(js, scenario)


async def test_an_emitter_that_can_pause_is_paused(oracle: Oracle) -> None:
    js = taking("""
    e.pause = () => t('paused');
    e.resume = () => t('resumed');
    const emit = (n) => { for (let i = 0; i < n; i++) { t('emit', i); e.emit('x', i); } };
    const it = events.on(e, 'x', { highWaterMark: 2 });
    emit(5);
    await take(it, 5);
    emit(4);
    t('ended', await taken(it.return()));
    await take(it, 5);
    const low = events.on(e, 'x', { highWaterMark: 3, lowWaterMark: 3 });
    emit(4);
    await take(low, 4);
    """)

    async def scenario(t: Tracer) -> None:
        class Pausing(EventEmitter):
            def pause(self) -> None:
                t("paused")

            def resume(self) -> None:
                t("resumed")

        e = Pausing()

        def emit(n: int) -> None:
            for i in range(n):
                t("emit", i)
                e.emit("x", i)

        it = on(e, "x", highWaterMark=2)
        emit(5)
        await take(t, it, 5)
        emit(4)
        await it.aclose()
        t("ended", "done")
        await take(t, it, 5)
        low = on(e, "x", highWaterMark=3, lowWaterMark=3)
        emit(4)
        await take(t, low, 4)

    await oracle.compare(js, scenario)


async def test_a_signal_is_iterated_like_an_emitter(oracle: Oracle) -> None:
    js = taking("""
    const ac = new AbortController();
    const it = events.on(ac.signal, 'abort');
    ac.abort();
    t('type', (await it.next()).value[0].type);
    """)

    async def scenario(t: Tracer) -> None:
        ac = AbortController()
        it = on(ac.signal, "abort")
        ac.abort()
        t("type", (await it.__anext__())[0].type)

    await oracle.compare(js, scenario)


def test_bad_arguments_are_refused_at_once(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    const attempt = (label, ...args) => {
      try { events.on(...args); } catch (error) { t(label, error); }
    };
    for (const emitter of [{}, 5]) attempt('emitter', emitter, 'x');
    for (const options of [5, 'x']) attempt('options', e, 'x', options);
    for (const signal of [5, 'x', {}]) attempt('signal', e, 'x', { signal });
    for (const mark of [0, -1, 1.5, 'x', NaN, Infinity]) {
      attempt('high', e, 'x', { highWaterMark: mark });
      attempt('low', e, 'x', { lowWaterMark: mark });
    }
    t('left', e.eventNames());
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()

        def attempt(label: str, *args: Any) -> None:
            try:
                on(*args)
            except Exception as error:
                t(label, error)

        emitter: Any
        signal: Any
        for emitter in ({}, 5):
            attempt("emitter", emitter, "x")
        for options in (5, "x"):
            attempt("options", e, "x", options)
        for signal in (5, "x", {}):
            attempt("signal", e, "x", {"signal": signal})
        for mark in (0, -1, 1.5, "x", math.nan, math.inf):
            attempt("high", e, "x", {"highWaterMark": mark})
            attempt("low", e, "x", {"lowWaterMark": mark})
        t("left", e.eventNames())

    oracle.compareSync(js, scenario)


async def test_a_cancelled_wait_takes_no_event() -> None:
    e = EventEmitter()
    it = on(e, "x")
    first, second = it.__anext__(), it.__anext__()
    first.cancel()
    e.emit("x", 1)
    assert await second == (1,)
    try:
        await first
    except CancelledError:
        return
    raise AssertionError("it was not cancelled")


async def test_microtasks_come_between_events_that_wait() -> None:
    e = EventEmitter()
    seen: list[object] = []
    it = on(e, "x")
    e.emit("x", 1)
    e.emit("x", 2)
    queueMicrotask(seen.append, "microtask")
    async for (value,) in it:
        seen.append(value)
        if value == 2:
            break
    assert seen == ["microtask", 1, 2]
