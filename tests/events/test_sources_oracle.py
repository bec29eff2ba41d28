"""Functions for emitters and signals alike."""

from __future__ import annotations

from typing import Any

from oracle import Oracle, Tracer

from nodenet import events
from nodenet.abort import AbortController, AbortSignal
from nodenet.events import EventEmitter
from nodenet.loop import nextTick


def test_listeners_of_emitters_and_signals_are_listed(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    const f = () => {};
    e.on('x', f).once('x', f);
    t('emitter', events.getEventListeners(e, 'x'), events.getEventListeners(e, 'x')[1] === f);
    t('nothing', events.getEventListeners(e, 'y'));
    const { signal } = new AbortController();
    signal.onabort = f;
    signal.addEventListener('abort', f);
    t('signal', events.getEventListeners(signal, 'abort')[1] === f,
      events.getEventListeners(signal, 'abort').length, events.getEventListeners(signal, 'x'));
    for (const nobody of [{}, 5])
      try { events.getEventListeners(nobody, 'x'); } catch (error) { t('refused', error); }
    t('count', events.listenerCount(e, 'x'), events.listenerCount(e, 'y'),
      events.listenerCount({}, 'x'));
    """

    def scenario(t: Tracer) -> None:
        def f(*args: object) -> None:
            """Do nothing."""

        e = EventEmitter()
        e.on("x", f).once("x", f)
        listed = events.getEventListeners(e, "x")
        t("emitter", listed, listed[1] is f)
        t("nothing", events.getEventListeners(e, "y"))
        signal = AbortController().signal
        signal.onabort = f
        signal.addEventListener("abort", f)
        listed = events.getEventListeners(signal, "abort")
        t("signal", listed[1] is f, len(listed), events.getEventListeners(signal, "x"))
        nobody: Any
        for nobody in ({}, 5):
            try:
                events.getEventListeners(nobody, "x")
            except TypeError as error:
                t("refused", error)
        nobody = {}
        t(
            "count",
            events.listenerCount(e, "x"),
            events.listenerCount(e, "y"),
            events.listenerCount(nobody, "x"),
        )

    oracle.compareSync(js, scenario)


async def test_an_abort_listener_cannot_be_stopped_by_others(oracle: Oracle) -> None:
    js = """
    const ac = new AbortController();
    const say = (label) => (...args) => t(label, args.map((event) => event.type));
    ac.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    ac.signal.addEventListener('abort', say('stopped'));
    events.addAbortListener(ac.signal, say('resists'));
    const disposed = events.addAbortListener(ac.signal, say('disposed'));
    disposed[Symbol.dispose]();
    ac.abort();
    t('left', events.getEventListeners(ac.signal, 'abort').length);
    const late = events.addAbortListener(ac.signal, say('aborted already'));
    late[Symbol.dispose]();
    process.nextTick(() => t('tick'));
    """

    def scenario(t: Tracer) -> None:
        ac = AbortController()

        def say(label: str) -> Any:
            return lambda *args: t(label, [event.type for event in args])

        ac.signal.addEventListener("abort", lambda event: event.stopImmediatePropagation())
        ac.signal.addEventListener("abort", say("stopped"))
        events.addAbortListener(ac.signal, say("resists"))
        with events.addAbortListener(ac.signal, say("disposed")):
            pass
        ac.abort()
        t("left", len(events.getEventListeners(ac.signal, "abort")))
        late = events.addAbortListener(ac.signal, say("aborted already"))
        late.dispose()
        nextTick(lambda: t("tick"))

    await oracle.compare(js, scenario)


def test_bad_arguments_of_addAbortListener_are_refused(oracle: Oracle) -> None:
    js = """
    const { signal } = new AbortController();
    for (const args of [[null, () => {}], [5, () => {}], [{}, () => {}], [signal, null],
                        [signal, 5], [AbortSignal.abort(), 5]])
      try { events.addAbortListener(...args); } catch (error) { t('refused', error); }
    """

    def scenario(t: Tracer) -> None:
        signal = AbortController().signal
        given: list[Any] = [(None, print), (5, print), ({}, print), (signal, None)]
        given += [(signal, 5), (AbortSignal.abort(), 5)]
        for args in given:
            try:
                events.addAbortListener(*args)
            except TypeError as error:
                t("refused", error)

    oracle.compareSync(js, scenario)
