"""How streams begin and end: construction, destruction, signals, the two halves together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle import Oracle, Tracer

from nodenet.abort import AbortController
from nodenet.loop import pollerOf
from nodenet.streams import Duplex, Readable, Writable, addAbortSignal

EVENTS = ("pause", "resume", "end", "prefinish", "finish", "drain", "error", "close")
JS = """
const { Readable, Writable, Duplex } = stream
const heard = (made, name) => {
  const events = ['pause', 'resume', 'end', 'prefinish', 'finish', 'drain', 'error', 'close']
  for (const event of events) {
    made.on(event, (value) => t(`${name} ${event}`, value))
  }
  return made
}
"""


def heard(t: Tracer, made: Any, name: str) -> Any:
    for event in EVENTS:
        made.on(event, lambda *args, event=event: t(f"{name} {event}", *args))
    return made


def write(chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
    callback()


def read(size: int) -> None:
    """Nothing comes."""


async def test_an_aborted_signal_destroys_the_stream(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        controller = AbortController()
        options = {"read": read, "write": write, "signal": controller.signal}
        heard(t, Duplex(options), "option")
        heard(t, addAbortSignal(controller.signal, Writable(write=write)), "added")
        done = heard(t, Writable(write=write, signal=controller.signal), "done")
        done.end()

        def abort() -> None:
            controller.abort(ValueError("why"))
            t("aborted")
            heard(t, Readable(read=read, signal=controller.signal), "late")

        pollerOf().callLater(0, abort)

    await oracle.compare(
        JS
        + """
        const controller = new AbortController()
        const read = () => {}
        const write = (chunk, encoding, callback) => callback()
        heard(new Duplex({ read, write, signal: controller.signal }), 'option')
        heard(stream.addAbortSignal(controller.signal, new Writable({ write })), 'added')
        const done = heard(new Writable({ write, signal: controller.signal }), 'done')
        done.end()
        setImmediate(() => {
          controller.abort(new RangeError('why'))
          t('aborted')
          heard(new Readable({ read, signal: controller.signal }), 'late')
        })
        """,
        scenario,
    )


async def test_what_is_written_while_constructing_waits(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        def constructed(callback: Callable[..., object]) -> None:
            t("constructed")
            callback()

        def construct(callback: Callable[..., object]) -> None:
            t("construct")
            pollerOf().callLater(0, constructed, callback)

        def take(chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
            t("write", chunk, encoding)
            callback()

        made = heard(t, Writable(construct=construct, write=take), "w")
        made.write("a", lambda error: t("called back", error))
        made.end("b")
        t("main", made.writableLength)

    await oracle.compare(
        JS
        + """
        const made = heard(new Writable({
          construct (callback) {
            t('construct')
            setImmediate(() => { t('constructed'); callback() })
          },
          write (chunk, encoding, callback) { t('write', chunk, encoding); callback() },
        }), 'w')
        made.write('a', (error) => t('called back', error))
        made.end('b')
        t('main', made.writableLength)
        """,
        scenario,
    )


async def test_a_construction_that_fails(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        def throws(callback: Callable[..., object]) -> None:
            raise ValueError("thrown")

        def twice(callback: Callable[..., object]) -> None:
            callback()
            callback()

        heard(t, Readable(read=read, construct=lambda callback: callback(ValueError("no"))), "no")
        heard(t, Readable(read=read, construct=throws), "throws")
        heard(t, Readable(read=read, construct=twice), "twice")

    await oracle.compare(
        JS
        + """
        const read = () => {}
        heard(new Readable({ read, construct (callback) { callback(new RangeError('no')) } }), 'no')
        heard(new Readable({ read, construct () { throw new RangeError('thrown') } }), 'throws')
        heard(new Readable({ read, construct (callback) { callback(); callback() } }), 'twice')
        """,
        scenario,
    )


async def test_callbacks_that_are_called_twice(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        def twice(*args: Any) -> None:
            args[-1]()
            args[-1]()

        heard(t, Writable(write=twice), "write").write("a")
        heard(t, Writable(write=write, final=twice), "final").end()
        heard(
            t, Writable(write=write, destroy=lambda error, callback: twice(callback)), "destroy"
        ).destroy()

    await oracle.compare(
        JS
        + """
        const write = (chunk, encoding, callback) => callback()
        const twice = (...args) => { args.at(-1)(); args.at(-1)() }
        heard(new Writable({ write: twice }), 'write').write('a')
        heard(new Writable({ write, final: twice }), 'final').end()
        heard(new Writable({ write, destroy: (error, callback) => twice(callback) }), 'destroy')
          .destroy()
        """,
        scenario,
    )


async def test_hooks_that_raise(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        def throws(*args: Any) -> None:
            raise ValueError("thrown")

        heard(t, Readable(read=throws), "read").resume()
        heard(t, Writable(write=write, final=throws), "final").end()
        heard(t, Writable(write=write, destroy=throws), "destroy").destroy()

    await oracle.compare(
        JS
        + """
        const write = (chunk, encoding, callback) => callback()
        const throws = () => { throw new RangeError('thrown') }
        heard(new Readable({ read: throws }), 'read').resume()
        heard(new Writable({ write, final: throws }), 'final').end()
        heard(new Writable({ write, destroy: throws }), 'destroy').destroy()
        """,
        scenario,
    )


async def test_the_halves_end_together(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        for half in (True, False):
            for first in ("read", "write"):
                made = heard(
                    t, Duplex(read=read, write=write, allowHalfOpen=half), f"{half} {first}"
                )
                made.resume()
                if first == "write":
                    made.end("a")
                    pollerOf().callLater(0.01, made.push, None)
                else:
                    made.push(None)
                    if half:
                        pollerOf().callLater(0.01, made.end)

    await oracle.compare(
        JS
        + """
        const write = (chunk, encoding, callback) => callback()
        for (const half of ['True', 'False']) {
          for (const first of ['read', 'write']) {
            const made = heard(
              new Duplex({ read () {}, write, allowHalfOpen: half === 'True' }), `${half} ${first}`)
            made.resume()
            if (first === 'write') {
              made.end('a')
              setTimeout(() => made.push(null), 10)
            } else {
              made.push(null)
              if (half === 'True') setTimeout(() => made.end(), 10)
            }
          }
        }
        """,
        scenario,
    )


async def test_without_auto_destroy_an_error_leaves_the_stream_open(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        made = heard(t, Writable(write=write, autoDestroy=False, emitClose=False), "w")
        made.end()
        made.write("late", lambda error: t("late", error))
        pollerOf().callLater(0, lambda: t("then", made.destroyed, made.writable, made.errored))
        pollerOf().callLater(0, made.destroy)

    await oracle.compare(
        JS
        + """
        const write = (chunk, encoding, callback) => callback()
        const made = heard(new Writable({ write, autoDestroy: false, emitClose: false }), 'w')
        made.end()
        made.write('late', (error) => t('late', error))
        setImmediate(() => t('then', made.destroyed, made.writable, made.errored))
        setImmediate(() => made.destroy())
        """,
        scenario,
    )
