"""When a stream is over, whatever it has gone through before somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import streams
from nodenet.abort import AbortController
from nodenet.errors import ERR_STREAM_PREMATURE_CLOSE, AbortError
from nodenet.loop import pollerOf

KINDS = ("Readable", "Writable", "Duplex", "unreadable", "unwritable")
STATES = ("fresh", "pushed", "ended", "ending", "finished", "both", "destroyed", "failed", "late")

JS = """
const waited = (kind, state, autoDestroy, emitClose, readable, writable) => {
  const label = [kind, state, autoDestroy, emitClose, readable, writable].join(' ')
  let lets = false
  let held
  const Kind = stream[kind.startsWith('un') ? 'Duplex' : kind]
  const made = new Kind({
    autoDestroy, emitClose, readable: kind !== 'unreadable', writable: kind !== 'unwritable',
    read () {},
    write (chunk, encoding, callback) { callback() },
    final (callback) { if (lets) callback(); else held = callback },
  })
  made.on('error', () => {})
  const reads = 'push' in made
  const writes = 'end' in made && kind !== 'Readable'
  if (reads && ['pushed', 'ended', 'both'].includes(state)) made.push(null)
  if (reads && ['ended', 'both'].includes(state)) made.resume()
  if (writes && ['finished', 'both'].includes(state)) lets = true
  if (writes && ['ending', 'finished', 'both', 'late'].includes(state)) made.end()
  if (writes && state === 'late') made.write('late')
  if (state === 'destroyed') made.destroy()
  if (state === 'failed') made.destroy(new Error('failed'))
  const steps = [
    () => {
      const options = {}
      if (readable !== 'None') options.readable = readable === 'True'
      if (writable !== 'None') options.writable = writable === 'True'
      stream.finished(made, options, (error) => t(`${label} over`, error))
      for (const event of ['end', 'finish', 'close']) made.on(event, () => t(`${label} ${event}`))
    },
    () => {
      if (reads && !made.destroyed && !['ended', 'both'].includes(state)) {
        if (state !== 'pushed') made.push(null)
        made.resume()
      }
    },
    () => {
      if (writes && !made.destroyed) {
        lets = true
        if (held) held()
        else made.end()
      }
    },
    () => made.destroy(),
  ]
  const next = () => {
    if (steps.length) {
      steps.shift()()
      setImmediate(next)
    }
  }
  setImmediate(next)
}
const every = (...lists) => lists.reduce(
  (rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])), [[]])
"""


class Waited:
    """One stream in one state, and somebody who waits for its end."""

    def __init__(self, t: Tracer, *row: Any) -> None:
        kind, self.state, auto, close, readable, writable = row
        self.t = t
        self.label = " ".join(
            str(value).lower() if value in (True, False) else str(value) for value in row[:4]
        )
        self.label += f" {readable} {writable}"
        self.wanted = {"readable": readable, "writable": writable}
        self.lets = False
        self.held: Callable[..., object] | None = None
        options: dict[str, Any] = {"autoDestroy": auto, "emitClose": close}
        self.reads, self.writes = kind != "Writable", kind != "Readable"
        if self.reads:
            options["read"] = lambda size: None
        if self.writes:
            options["write"] = lambda chunk, encoding, callback: callback()
            options["final"] = self.final
        if kind.startswith("un"):
            options[kind[2:]] = False
        self.made: Any = getattr(streams, "Duplex" if kind.startswith("un") else kind)(options)
        self.made.on("error", lambda error: None)
        self.enter()

    def final(self, callback: Callable[..., object]) -> None:
        if self.lets:
            callback()
        else:
            self.held = callback

    def enter(self) -> None:
        """Bring the stream into its state."""
        state, made = self.state, self.made
        if self.reads and state in ("pushed", "ended", "both"):
            made.push(None)
            if state != "pushed":
                made.resume()
        self.lets = self.writes and state in ("finished", "both")
        if self.writes and state in ("ending", "finished", "both", "late"):
            made.end()
        if self.writes and state == "late":
            made.write("late")
        if state == "destroyed":
            made.destroy()
        if state == "failed":
            made.destroy(Exception("failed"))

    def wait(self) -> None:
        given = {name: value == "True" for name, value in self.wanted.items() if value != "None"}
        streams.finished(self.made, given, lambda error: self.t(f"{self.label} over", error))
        for event in ("end", "finish", "close"):
            self.made.on(event, lambda event=event: self.t(f"{self.label} {event}"))

    def end_reading(self) -> None:
        if self.reads and not self.made.destroyed and self.state not in ("ended", "both"):
            if self.state != "pushed":
                self.made.push(None)
            self.made.resume()

    def end_writing(self) -> None:
        if self.writes and not self.made.destroyed:
            self.lets = True
            if self.held is not None:
                self.held()
            else:
                self.made.end()

    def run(self) -> None:
        steps = [self.wait, self.end_reading, self.end_writing, self.made.destroy]

        def following() -> None:
            if steps:
                steps.pop(0)()
                pollerOf().callLater(0, following)

        pollerOf().callLater(0, following)


@pytest.mark.parametrize("kind", KINDS)
async def test_in_every_state(oracle: Oracle, kind: str) -> None:
    flags = (True, False)
    wishes = ("None", "True", "False")

    async def scenario(t: Tracer) -> None:
        for row in product(STATES, flags, flags, wishes, wishes):
            Waited(t, kind, *row).run()

    await oracle.compare(
        JS
        + f"""
        const flags = [true, false]
        const wishes = {list(wishes)}
        for (const row of every({list(STATES)}, flags, flags, wishes, wishes)) {{
          waited('{kind}', ...row)
        }}
        """,
        scenario,
    )


async def test_a_deferred_fires_after_the_ticks(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        made = streams.Readable(read=lambda size: None)
        made.on("close", lambda: pollerOf().nextTick(t, "tick"))
        streams.finished(made).addCallback(lambda result: t("over", result))
        made.resume()
        made.push(None)

    await oracle.compare(
        """
        const made = new stream.Readable({ read () {} })
        made.on('close', () => process.nextTick(t, 'tick'))
        stream.promises.finished(made).then((result) => t('over', result))
        made.resume()
        made.push(null)
        """,
        scenario,
    )


async def test_a_signal_ends_the_waiting(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        made = streams.Readable(read=lambda size: None)
        controller = AbortController()
        early = {"signal": controller.signal}
        streams.finished(made, early, lambda error: t("early", error))
        controller.abort(ValueError("why"))
        streams.finished(made, early, lambda error: t("late", error))
        t("main")
        made.destroy()

    await oracle.compare(
        """
        const made = new stream.Readable({ read () {} })
        const controller = new AbortController()
        const early = { signal: controller.signal }
        stream.finished(made, early, (error) => t('early', error))
        controller.abort(new RangeError('why'))
        stream.finished(made, early, (error) => t('late', error))
        t('main')
        made.destroy()
        """,
        scenario,
    )


async def test_the_waiting_can_be_given_up() -> None:
    made = streams.Writable(write=lambda chunk, encoding, callback: callback())
    before = made.eventNames()
    stop = streams.finished(made, lambda error: pytest.fail("called"))
    assert made.eventNames() != before
    stop()
    assert made.eventNames() == before
    made.end()


async def test_a_cancelled_deferred_leaves_the_stream_alone() -> None:
    made = streams.Writable(write=lambda chunk, encoding, callback: callback())
    waiting = streams.finished(made)
    waiting.addErrback(lambda failure: None)
    waiting.cancel()
    assert made.eventNames() == []
    assert not made.destroyed


async def test_errors_of_a_deferred() -> None:
    made = streams.Readable(read=lambda size: None)
    waiting = streams.finished(made, cleanup=True)
    made.destroy()
    with pytest.raises(ERR_STREAM_PREMATURE_CLOSE):
        await waiting
    assert made.eventNames() == []
    with pytest.raises(AbortError):
        await streams.finished(streams.Readable(read=lambda size: None), signal=_aborted())


def _aborted() -> Any:
    controller = AbortController()
    controller.abort()
    return controller.signal
