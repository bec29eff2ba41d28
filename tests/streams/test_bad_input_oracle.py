"""Bad input is refused with Node's code and message, and where Node refuses it."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import streams
from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.events import EventEmitter


def attempt(t: Tracer, label: str, function: Any) -> None:
    try:
        t(label, function())
    except Exception as error:
        t(label, error)


_JS_ATTEMPT = """
const attempt = (label, f) => { try { t(label, f()) } catch (error) { t(label, error) } }
const { Readable, Writable, Duplex } = stream
const heard = (label, made) => made.on('error', (error) => t(label, 'error', error))
"""


def heard(t: Tracer, label: str, made: Any) -> Any:
    return made.on("error", lambda error: t(label, "error", error))


def test_high_water_marks(oracle: Oracle) -> None:
    marks = [1.5, -1, "5", float("nan"), None, True]

    def scenario(t: Tracer) -> None:
        for mark in marks:
            for kind in (streams.Readable, streams.Writable, streams.Duplex):
                attempt(
                    t,
                    kind.__name__,
                    lambda kind=kind, mark=mark: type(kind(highWaterMark=mark)).__name__,
                )
        for name in ("readableHighWaterMark", "writableHighWaterMark"):
            attempt(t, name, lambda name=name: type(streams.Duplex({name: -1})).__name__)

    oracle.compareSync(
        _JS_ATTEMPT
        + """
        for (const mark of [1.5, -1, '5', NaN, null, true]) {
          for (const kind of [Readable, Writable, Duplex]) {
            attempt(kind.name, () => new kind({ highWaterMark: mark }).constructor.name)
          }
        }
        for (const name of ['readableHighWaterMark', 'writableHighWaterMark']) {
          attempt(name, () => new Duplex({ [name]: -1 }).constructor.name)
        }
        """,
        scenario,
    )


def test_default_high_water_mark(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        t("default", streams.getDefaultHighWaterMark(False))
        attempt(t, "text", lambda: streams.setDefaultHighWaterMark(False, "a"))  # type: ignore[arg-type]  # on purpose
        attempt(t, "negative", lambda: streams.setDefaultHighWaterMark(False, -1))
        attempt(t, "fraction", lambda: streams.setDefaultHighWaterMark(False, 1.5))  # type: ignore[arg-type]  # on purpose
        streams.setDefaultHighWaterMark(False, 7)
        try:
            made = streams.Duplex(readableHighWaterMark=3)
            t("set", made.readableHighWaterMark, made.writableHighWaterMark)
        finally:
            streams.setDefaultHighWaterMark(False, 65_536)

    oracle.compareSync(
        _JS_ATTEMPT
        + """
        t('default', stream.getDefaultHighWaterMark(false))
        attempt('text', () => stream.setDefaultHighWaterMark(false, 'a'))
        attempt('negative', () => stream.setDefaultHighWaterMark(false, -1))
        attempt('fraction', () => stream.setDefaultHighWaterMark(false, 1.5))
        stream.setDefaultHighWaterMark(false, 7)
        const made = new Duplex({ readableHighWaterMark: 3 })
        t('set', made.readableHighWaterMark, made.writableHighWaterMark)
        """,
        scenario,
    )


def test_chunks_and_encodings(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        made = heard(t, "w", streams.Writable(write=lambda chunk, encoding, callback: callback()))
        calls: dict[str, tuple[Any, ...]] = {
            "null": (None,),
            "nothing and unknown": (None, "bogus"),
            "unknown": ("a", "bogus"),
            "unknown for bytes": (b"a", "bogus"),
            "number": (5,),
            "list": ([],),
            "any case": ("a", "UTF-8"),
            "bytes": (bytearray(b"a"),),
        }
        for label, args in calls.items():
            attempt(t, label, lambda args=args: made.write(*args))
        attempt(t, "end", lambda: made.end(5))
        attempt(t, "default", lambda: made.setDefaultEncoding("zz"))
        attempt(t, "default number", lambda: made.setDefaultEncoding(5))
        source = heard(t, "r", streams.Readable(read=lambda size: None))
        attempt(t, "push number", lambda: source.push(5))
        attempt(t, "push unknown", lambda: streams.Readable().push("a", "zz"))
        attempt(t, "unshift unknown", lambda: streams.Readable().unshift("a", "zz"))
        attempt(t, "setEncoding", lambda: streams.Readable().setEncoding("zz"))
        attempt(t, "encoding", lambda: streams.Readable(encoding="zz"))
        attempt(t, "defaultEncoding", lambda: streams.Writable(defaultEncoding="zz"))
        attempt(t, "huge read", lambda: streams.Readable().read(2**31))

    oracle.compareSync(
        _JS_ATTEMPT
        + """
        const made = heard('w', new Writable({ write (chunk, encoding, callback) { callback() } }))
        for (const [label, args] of Object.entries({
          null: [null],
          'nothing and unknown': [null, 'bogus'],
          unknown: ['a', 'bogus'],
          'unknown for bytes': [Buffer.from('a'), 'bogus'],
          number: [5],
          list: [[]],
          'any case': ['a', 'UTF-8'],
          bytes: [new Uint8Array(1)],
        })) attempt(label, () => made.write(...args))
        attempt('end', () => made.end(5))
        attempt('default', () => made.setDefaultEncoding('zz'))
        attempt('default number', () => made.setDefaultEncoding(5))
        const source = heard('r', new Readable({ read () {} }))
        attempt('push number', () => source.push(5))
        attempt('push unknown', () => new Readable().push('a', 'zz'))
        attempt('unshift unknown', () => new Readable().unshift('a', 'zz'))
        attempt('setEncoding', () => new Readable().setEncoding('zz'))
        attempt('encoding', () => new Readable({ encoding: 'zz' }))
        attempt('defaultEncoding', () => new Writable({ defaultEncoding: 'zz' }))
        attempt('huge read', () => new Readable().read(2 ** 31))
        """,
        scenario,
    )


def test_missing_methods(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        attempt(t, "write", lambda: streams.Writable().write("a"))
        attempt(t, "read", lambda: heard(t, "r", streams.Readable()).read())

    oracle.compareSync(
        _JS_ATTEMPT
        + """
        attempt('write', () => new Writable().write('a'))
        attempt('read', () => heard('r', new Readable()).read())
        """,
        scenario,
    )


def test_arguments_of_finished_and_pipeline(oracle: Oracle) -> None:
    def nothing(*args: object) -> None:
        """A callback."""

    def scenario(t: Tracer) -> None:
        finished: Any = streams.finished
        pipeline: Any = streams.pipeline
        made = streams.Readable()
        attempt(t, "signal", lambda: streams.Readable(signal=5))
        attempt(t, "no stream", lambda: finished(5, nothing))
        attempt(t, "bad options", lambda: finished(made, 5, nothing))
        attempt(t, "bad signal", lambda: finished(made, {"signal": 5}, nothing))
        attempt(t, "add", lambda: streams.addAbortSignal(5, made))  # type: ignore[arg-type]  # on purpose
        attempt(t, "one stream", lambda: pipeline(made, nothing))
        attempt(t, "none", lambda: pipeline([], nothing))

    oracle.compareSync(
        _JS_ATTEMPT
        + """
        const nothing = () => {}
        const made = new Readable()
        attempt('signal', () => new Readable({ signal: 5 }))
        attempt('no stream', () => stream.finished(5, nothing))
        attempt('bad options', () => stream.finished(made, 5, nothing))
        attempt('bad signal', () => stream.finished(made, { signal: 5 }, nothing))
        attempt('add', () => stream.addAbortSignal(5, made))
        attempt('one stream', () => stream.pipeline(made, nothing))
        attempt('none', () => stream.pipeline([], nothing))
        """,
        scenario,
    )


def test_what_cannot_stand_in_a_pipeline_is_refused() -> None:
    target = streams.Writable(write=lambda chunk, encoding, callback: callback())
    with pytest.raises(TypeError, match='"source" argument'):
        streams.pipeline(5, target)
    with pytest.raises(TypeError, match='"destination" argument'):
        streams.pipeline([b"a"], 5)
    with pytest.raises(TypeError, match="AsyncIterable"):
        streams.pipeline(streams.Readable(read=lambda size: None), lambda chunks: 5, target)


def test_what_a_pipe_cannot_lead_to_is_refused(oracle: Oracle) -> None:
    """Where Node refuses it; its TypeError has no code, and says what it tried to do."""

    def scenario(t: Tracer) -> None:
        values: list[Any] = [3, None, "text", {}]
        for value in values:
            source = streams.Readable(read=lambda size: None)
            try:
                source.pipe(value)
            except TypeError:
                t("TypeError", source.listenerCount("data"), source.readableFlowing)

    oracle.compareSync(
        """
        for (const given of [3, null, 'text', {}]) {
          const source = new stream.Readable({ read() {} })
          try { source.pipe(given) } catch (error) {
            t(error.constructor.name, source.listenerCount('data'), source.readableFlowing)
          }
        }
        """,
        scenario,
    )


@pytest.mark.parametrize("given", [3, None, EventEmitter(), streams.Readable()])
def test_an_error_says_what_a_pipe_leads_to(given: Any) -> None:
    source = streams.Readable()
    with pytest.raises(ERR_INVALID_ARG_TYPE, match='"destination" argument must be an instance of'):
        source.pipe(given)
    assert source.listenerCount("data") == 0
