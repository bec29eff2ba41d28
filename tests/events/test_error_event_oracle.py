"""The event 'error' and who monitors it."""

from __future__ import annotations

from typing import Any

from oracle import Oracle, Tracer

from nodenet.errors import ERR_UNHANDLED_ERROR
from nodenet.events import EventEmitter, errorMonitor


def test_an_error_that_nobody_hears_is_raised(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    for (const value of [new TypeError('wrong'), 5, 'text'])
      try { e.emit('error', value); } catch (error) { t('raised', error, error.context); }
    try { e.emit('error', new RangeError('first'), 'second'); }
    catch (error) { t('raised', error); }
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        for value in (TypeError("wrong"), 5, "text"):
            try:
                e.emit("error", value)
            except Exception as error:
                t("raised", error, getattr(error, "context", None))
        try:
            e.emit("error", ValueError("first"), "second")
        except ValueError as error:
            t("raised", error)

    oracle.compareSync(js, scenario)


def test_an_error_without_argument_is_raised_as_well() -> None:
    try:
        EventEmitter().emit("error")
    except ERR_UNHANDLED_ERROR as error:
        assert error.message == "Unhandled error. (None)"
        assert error.context is None


def test_the_exception_raised_is_the_one_emitted() -> None:
    given = OSError("the very one")
    try:
        EventEmitter().emit("error", given)
    except OSError as error:
        assert error is given


def test_a_monitor_sees_errors_first_and_handles_none(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    e.on(events.errorMonitor, (...args) => t('monitor', ...args));
    try { e.emit('error', new Error('unheard'), 2); } catch (error) { t('raised', error); }
    e.on('error', (...args) => t('listener', ...args));
    t('emitted', e.emit('error', new Error('heard'), 2));
    t('emitted', e.emit('error', 'anything'));
    t('names', e.eventNames().map(String));
    t('directly', e.emit(events.errorMonitor, 1));
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.on(errorMonitor, lambda *args: t("monitor", *args))
        try:
            e.emit("error", Exception("unheard"), 2)
        except Exception as error:
            t("raised", error)
        e.on("error", lambda *args: t("listener", *args))
        t("emitted", e.emit("error", Exception("heard"), 2))
        t("emitted", e.emit("error", "anything"))
        t("names", [str(name) for name in e.eventNames()])
        t("directly", e.emit(errorMonitor, 1))

    oracle.compareSync(js, scenario)


def test_a_once_listener_hears_one_error(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    e.once('error', (error) => t('heard', error));
    e.emit('error', new Error('one'));
    try { e.emit('error', new Error('two')); } catch (error) { t('raised', error); }
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.once("error", lambda error: t("heard", error))
        e.emit("error", Exception("one"))
        try:
            e.emit("error", Exception("two"))
        except Exception as error:
            t("raised", error)

    oracle.compareSync(js, scenario)


def test_what_is_no_exception_stays_readable() -> None:
    context: dict[str, Any] = {"a": 1}
    try:
        EventEmitter().emit("error", context)
    except ERR_UNHANDLED_ERROR as error:
        assert error.context is context
        assert error.message == "Unhandled error. ({'a': 1})"
        assert error.code == "ERR_UNHANDLED_ERROR"
