"""`on`: events as an asynchronous iterator, as Node's."""

from __future__ import annotations

import math
from typing import Any

from oracle import Oracle, Tracer
from twisted.internet.defer import CancelledError, Deferred

from nodenet.abort import AbortController, AbortSignal
from nodenet.events import EventEmitter, EventIterator, getEventListeners, on
from nodenet.loop import nextTick, queueMicrotask

TAKE_JS = """
const e = new events.EventEmitter();
const taken = async (promise) => {
  try { const { value, done } = await promise; return done ? 'done' : value; }
  catch (error) { return error; }
};
const take = async (iterator, n) => {
  for (let i = 0; i < n; i++) t('taken', await taken(iterator.next()));
};
"""


def taking(body: str) -> str:
    """A scenario for Node."""
    return TAKE_JS + body


async def taken(deferred: Deferred[Any]) -> Any:
    try:
        return await deferred
    except StopAsyncIteration:
        return "done"
    except Exception as error:
        return error


async def take(t: Tracer, iterator: EventIterator, n: int) -> None:
    for _ in range(n):
        t("taken", await taken(iterator.__anext__()))


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


async def test_an_error_ends_it_after_what_waits(oracle: Oracle) -> None:
    js = taking("""
    const it = events.on(e, 'x');
    e.emit('x', 1);
    t('emitted', e.emit('error', new RangeError('over')));
    t('left', e.eventNames());
    await take(it, 4);
    const waiting = events.on(e, 'x');
    const [first, second] = [waiting.next(), waiting.next()];
    e.emit('error', new Error('now'));
    t('first', await taken(first));
    t('second', await taken(second));
    await take(waiting, 1);
    const errors = events.on(e, 'error');
    e.emit('error', new Error('wanted'), 2);
    await take(errors, 1);
    t('left', e.eventNames());
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        it = on(e, "x")
        e.emit("x", 1)
        t("emitted", e.emit("error", ValueError("over")))
        t("left", e.eventNames())
        await take(t, it, 4)
        waiting = on(e, "x")
        first, second = waiting.__anext__(), waiting.__anext__()
        e.emit("error", Exception("now"))
        t("first", await taken(first))
        t("second", await taken(second))
        await take(t, waiting, 1)
        errors = on(e, "error")
        e.emit("error", Exception("wanted"), 2)
        await take(t, errors, 1)
        t("left", e.eventNames())

    await oracle.compare(js, scenario)


async def test_it_can_be_ended_with_and_without_an_error(oracle: Oracle) -> None:
    js = taking("""
    e.on('removeListener', (name) => t('removed', name));
    const it = events.on(e, 'x', { close: ['end', 'close'] });
    e.emit('x', 1);
    t('ended', await taken(it.return()));
    await take(it, 2);
    t('again', await taken(it.return()));
    const waiting = events.on(e, 'x');
    const promise = waiting.next();
    waiting.return();
    t('waited', await taken(promise));
    const failing = events.on(e, 'x');
    e.emit('x', 2);
    for (const value of [undefined, 5])
      try { failing.throw(value); } catch (error) { t('no', error); }
    failing.throw(new TypeError('enough'));
    await take(failing, 3);
    const failed = events.on(e, 'x');
    const failure = failed.next();
    failed.throw(new Error('enough'));
    t('failed', await taken(failure));
    await take(failed, 1);
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("removeListener", lambda name, _: t("removed", name))
        it = on(e, "x", close=["end", "close"])
        e.emit("x", 1)
        await it.aclose()
        t("ended", "done")
        await take(t, it, 2)
        await it.aclose()
        t("again", "done")
        waiting = on(e, "x")
        deferred = waiting.__anext__()
        waiting.aclose()
        t("waited", await taken(deferred))
        failing = on(e, "x")
        e.emit("x", 2)
        wrong: Any
        for wrong in (None, 5):
            try:
                failing.throw(wrong)
            except TypeError as error:
                t("no", error)
        failing.throw(TypeError("enough"))
        await take(t, failing, 3)
        failed = on(e, "x")
        failure = failed.__anext__()
        failed.throw(Exception("enough"))
        t("failed", await taken(failure))
        await take(t, failed, 1)

    await oracle.compare(js, scenario)


async def test_events_of_close_end_it(oracle: Oracle) -> None:
    js = taking("""
    const it = events.on(e, 'x', { close: ['end', 'close'] });
    t('listening', e.eventNames());
    e.emit('x', 1); e.emit('end', 'ignored');
    t('left', e.eventNames());
    await take(it, 2);
    const waiting = events.on(e, 'x', { close: ['end'] });
    const promise = waiting.next();
    e.emit('end');
    t('waited', await taken(promise));
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()
        it = on(e, "x", {"close": ["end", "close"]})
        t("listening", e.eventNames())
        e.emit("x", 1)
        e.emit("end", "ignored")
        t("left", e.eventNames())
        await take(t, it, 2)
        waiting = on(e, "x", close=["end"])
        deferred = waiting.__anext__()
        e.emit("end")
        t("waited", await taken(deferred))

    await oracle.compare(js, scenario)


async def test_a_signal_ends_it(oracle: Oracle) -> None:
    js = taking("""
    const count = (signal) => events.getEventListeners(signal, 'abort').length;
    const one = new AbortController();
    const it = events.on(e, 'x', { signal: one.signal });
    e.emit('x', 1);
    one.abort('why');
    t('left', e.eventNames(), count(one.signal));
    await take(it, 3);
    const two = new AbortController();
    const waiting = events.on(e, 'x', { signal: two.signal });
    const promise = waiting.next();
    two.abort();
    t('waited', await taken(promise));
    await take(waiting, 1);
    const three = new AbortController();
    const ended = events.on(e, 'x', { signal: three.signal });
    t('listening', count(three.signal));
    ended.return();
    t('left', count(three.signal));
    try { events.on(e, 'x', { signal: AbortSignal.abort('before') }); }
    catch (error) { t('refused', error); }
    t('left', e.eventNames());
    """)

    async def scenario(t: Tracer) -> None:
        e = EventEmitter()

        def count(signal: AbortSignal) -> int:
            return len(getEventListeners(signal, "abort"))

        one = AbortController()
        it = on(e, "x", signal=one.signal)
        e.emit("x", 1)
        one.abort("why")
        t("left", e.eventNames(), count(one.signal))
        await take(t, it, 3)
        two = AbortController()
        waiting = on(e, "x", signal=two.signal)
        deferred = waiting.__anext__()
        two.abort()
        t("waited", await taken(deferred))
        await take(t, waiting, 1)
        three = AbortController()
        ended = on(e, "x", signal=three.signal)
        t("listening", count(three.signal))
        ended.aclose()
        t("left", count(three.signal))
        try:
            on(e, "x", signal=AbortSignal.abort("before"))
        except Exception as error:
            t("refused", error)
        t("left", e.eventNames())

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
