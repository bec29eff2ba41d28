"""How `events.on` ends: by an error, an event, a signal or its user, compared with real Node."""

from __future__ import annotations

from typing import Any

from events.taking import take, taken, taking
from oracle import Oracle, Tracer

from nodenet.abort import AbortController, AbortSignal
from nodenet.events import EventEmitter, getEventListeners, on


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
