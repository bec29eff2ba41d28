"""Failures of what listeners leave running: Node with captureRejections, ours always."""

from __future__ import annotations

from typing import Any

from oracle import Oracle, Tracer

from nodenet.events import EventEmitter, captureRejectionSymbol, errorMonitor
from nodenet.loop import nextTick, queueMicrotask

EMITTER_JS = """
const e = new events.EventEmitter({ captureRejections: true });
const failing = (text) => async () => { throw new Error(text); };
"""


def capturing(body: str) -> str:
    """A scenario for Node."""
    return EMITTER_JS + body


def failing(text: str) -> Any:
    async def listener(*args: Any) -> None:
        raise Exception(text)

    return listener


async def test_a_failure_is_an_error_after_ticks_and_microtasks(oracle: Oracle) -> None:
    js = capturing("""
    e.on('x', failing('from x'));
    e.on('error', (error) => t('error', error));
    process.nextTick(() => {
      t('emitted', e.emit('x'));
      process.nextTick(() => { t('tick'); process.nextTick(() => t('tick of tick')); });
      queueMicrotask(() => { t('microtask'); process.nextTick(() => t('last')); });
    });
    """)

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("x", failing("from x"))
        e.on("error", lambda error: t("error", error))

        def microtask() -> None:
            t("microtask")
            nextTick(lambda: t("last"))

        def tick() -> None:
            t("tick")
            nextTick(lambda: t("tick of tick"))

        def begin() -> None:
            t("emitted", e.emit("x"))
            nextTick(tick)
            queueMicrotask(microtask)

        nextTick(begin)

    await oracle.compare(js, scenario)


async def test_without_listener_for_error_it_is_uncaught(oracle: Oracle) -> None:
    js = capturing("e.on('x', failing('from x')); e.emit('x');")

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("x", failing("from x"))
        e.emit("x")

    await oracle.compare(js, scenario)


async def test_a_failing_error_listener_does_not_loop(oracle: Oracle) -> None:
    js = capturing("""
    e.on('x', failing('from x'));
    e.on('error', async (error) => { t('error', error); throw new Error('in error'); });
    e.emit('x');
    """)

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("x", failing("from x"))

        @e.on("error")
        async def error(error: Exception) -> None:
            t("error", error)
            raise Exception("in error")

        e.emit("x")

    await oracle.compare(js, scenario)


async def test_an_error_listener_hears_its_own_failure_once(oracle: Oracle) -> None:
    js = capturing("""
    let n = 0;
    e.on('error', async (error) => { t('error', error); throw new Error(`in error ${++n}`); });
    e.emit('error', new Error('direct'));
    """)

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        numbers = iter((1, 2, 3))

        @e.on("error")
        async def error(error: Exception) -> None:
            t("error", error)
            raise Exception(f"in error {next(numbers)}")

        e.emit("error", Exception("direct"))

    await oracle.compare(js, scenario)


async def test_what_the_error_listener_emits_is_not_captured(oracle: Oracle) -> None:
    js = capturing("""
    e.on('x', failing('from x')).on('y', failing('from y'));
    e.on('error', (error) => { t('error', error); e.emit('y'); });
    e.emit('x');
    """)

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("x", failing("from x")).on("y", failing("from y"))

        @e.on("error")
        def error(error: Exception) -> None:
            t("error", error)
            e.emit("y")

        e.emit("x")

    await oracle.compare(js, scenario)


async def test_an_error_listener_that_raises_is_uncaught(oracle: Oracle) -> None:
    js = capturing("""
    e.on('x', failing('from x'));
    e.on('error', () => { throw new TypeError('at once'); });
    e.emit('x');
    """)

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("x", failing("from x"))

        @e.on("error")
        def error(error: Exception) -> None:
            raise TypeError("at once")

        e.emit("x")

    await oracle.compare(js, scenario)


async def test_once_listeners_monitors_and_watchers_are_captured_too(oracle: Oracle) -> None:
    js = capturing("""
    e.on('newListener', failing('from newListener'));
    e.on('error', (error) => t('error', error));
    e.removeAllListeners('newListener');
    e.once('x', failing('from once')).on('x', failing('from on'));
    e.on(events.errorMonitor, async (error) => { t('monitor', error); });
    e.emit('x');
    """)

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on("newListener", failing("from newListener"))
        e.on("error", lambda error: t("error", error))
        e.removeAllListeners("newListener")
        e.once("x", failing("from once")).on("x", failing("from on"))

        @e.on(errorMonitor)
        async def monitor(error: Exception) -> None:
            t("monitor", error)

        e.emit("x")

    await oracle.compare(js, scenario)


async def test_an_emitter_may_take_failures_itself(oracle: Oracle) -> None:
    js = capturing("""
    e[events.captureRejectionSymbol] = (error, name, ...args) => t('taken', error, name, args);
    e.on('error', () => t('never'));
    e.on('x', failing('from x'));
    e.emit('x', 1, 2);
    """)

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        setattr(e, captureRejectionSymbol, lambda error, name, *args: t("taken", error, name, args))
        e.on("error", lambda _: t("never"))
        e.on("x", failing("from x"))
        e.emit("x", 1, 2)

    await oracle.compare(js, scenario)


async def test_a_handler_of_failures_that_fails_is_uncaught(oracle: Oracle) -> None:
    js = capturing("""
    const f = new events.EventEmitter({ captureRejections: true });
    e[events.captureRejectionSymbol] = () => { throw new TypeError('at once'); };
    f[events.captureRejectionSymbol] = failing('later');
    for (const emitter of [e, f]) {
      emitter.on('error', () => t('never'));
      emitter.on('x', failing('from x'));
      emitter.emit('x');
    }
    """)

    class Raising(EventEmitter):
        def captureRejection(self, error: BaseException, name: Any, /, *args: Any) -> None:
            raise TypeError("at once")

    class Failing(EventEmitter):
        captureRejection = failing("later")

    def scenario(t: Tracer) -> None:
        for e in (Raising(), Failing()):
            e.on("error", lambda _: t("never"))
            e.on("x", failing("from x"))
            e.emit("x")

    await oracle.compare(js, scenario)
