"""Pipes: what goes through, at which pace, and what is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle import Oracle, Tracer

from nodenet.loop import pollerOf
from nodenet.streams import Readable, Writable

JS = """
const listeners = (made) => t('listeners', made.eventNames().map(
  (name) => `${name} ${made.listenerCount(name)}`).sort())
const sink = (name, ways) => {
  const made = new stream.Writable({
    highWaterMark: 4,
    write (chunk, encoding, callback) {
      t(`${name} write`, chunk)
      const way = ways.shift()
      if (way === 'later') setImmediate(callback)
      else callback(way === 'fail' ? new Error('fail') : null)
    },
  })
  for (const event of ['drain', 'finish', 'error', 'close']) {
    made.on(event, (error) => t(`${name} ${event}`, error))
  }
  for (const event of ['pipe', 'unpipe']) {
    made.on(event, (source) => t(`${name} ${event}`, source === from))
  }
  return made
}
const from = new stream.Readable({ read () {} })
for (const event of ['pause', 'resume', 'end', 'close']) from.on(event, () => t(`from ${event}`))
"""


def listeners(t: Tracer, made: Any) -> None:
    t("listeners", sorted(f"{name} {made.listenerCount(name)}" for name in made.eventNames()))


def sink(t: Tracer, source: Readable, name: str, ways: list[str]) -> Writable:
    def write(chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        t(f"{name} write", chunk)
        way = ways.pop(0) if ways else "now"
        if way == "later":
            pollerOf().callLater(0, callback)
        else:
            callback(Exception("fail") if way == "fail" else None)

    made = Writable(highWaterMark=4, write=write)
    for event in ("drain", "finish", "error", "close"):
        made.on(event, lambda *args, event=event: t(f"{name} {event}", *args))
    for event in ("pipe", "unpipe"):
        made.on(event, lambda other, *_, event=event: t(f"{name} {event}", other is source))
    return made


def origin(t: Tracer) -> Readable:
    source = Readable(read=lambda size: None)
    for event in ("pause", "resume", "end", "close"):
        source.on(event, lambda event=event: t(f"from {event}"))
    return source


async def test_a_pipe_pauses_and_leaves_nothing_behind(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        source = origin(t)
        to = sink(t, source, "to", ["later"])
        t("returns", source.pipe(to) is to)
        listeners(t, source)
        listeners(t, to)
        for chunk in ("abcdef", "gh", None):
            source.push(chunk)

        def look() -> None:
            listeners(t, source)
            listeners(t, to)

        pollerOf().callLater(0.02, look)

    await oracle.compare(
        JS
        + """
        const to = sink('to', ['later'])
        t('returns', from.pipe(to) === to)
        listeners(from)
        listeners(to)
        for (const chunk of ['abcdef', 'gh', null]) from.push(chunk)
        setTimeout(() => { listeners(from); listeners(to) }, 20)
        """,
        scenario,
    )


async def test_several_destinations_wait_for_the_slowest(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        source = origin(t)
        fast, slow = sink(t, source, "fast", []), sink(t, source, "slow", ["later"] * 3)
        source.pipe(slow)
        source.pipe(fast, end=False)
        for chunk in ("abcdef", "ghijkl", "m"):
            source.push(chunk)
        pollerOf().callLater(0.02, source.unpipe, slow)
        pollerOf().callLater(0.03, source.push, "only fast")
        pollerOf().callLater(0.04, source.push, None)

    await oracle.compare(
        JS
        + """
        const fast = sink('fast', [])
        const slow = sink('slow', ['later', 'later', 'later'])
        from.pipe(slow)
        from.pipe(fast, { end: false })
        for (const chunk of ['abcdef', 'ghijkl', 'm']) from.push(chunk)
        setTimeout(() => from.unpipe(slow), 20)
        setTimeout(() => from.push('only fast'), 30)
        setTimeout(() => from.push(null), 40)
        """,
        scenario,
    )


async def test_a_destination_that_fails_is_left(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        source = origin(t)
        to = sink(t, source, "to", ["fail"])
        source.pipe(to)
        source.push("abc")
        source.push("def")
        pollerOf().callLater(0.01, lambda: t("then", source.readableFlowing, source.readableLength))

    await oracle.compare(
        JS
        + """
        const to = sink('to', ['fail'])
        from.pipe(to)
        from.push('abc')
        from.push('def')
        setTimeout(() => t('then', from.readableFlowing, from.readableLength), 10)
        """,
        scenario,
    )


async def test_piping_what_has_ended_and_into_what_is_full(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        source = origin(t)
        to = sink(t, source, "to", ["later"])
        to.write("abcdef")
        source.push("x")
        source.pipe(to)
        source.push(None)

        def again() -> None:
            source.pipe(sink(t, source, "late", []))

        pollerOf().callLater(0.02, again)

    await oracle.compare(
        JS
        + """
        const to = sink('to', ['later'])
        to.write('abcdef')
        from.push('x')
        from.pipe(to)
        from.push(null)
        setTimeout(() => from.pipe(sink('late', [])), 20)
        """,
        scenario,
    )


async def test_an_error_nobody_handles_stays_one(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        source = origin(t)
        to = Writable(write=lambda chunk, encoding, callback: callback(Exception("unheard")))
        source.pipe(to)
        source.push("abc")

    await oracle.compare(
        JS
        + """
        const write = (chunk, encoding, callback) => callback(new Error('unheard'))
        from.pipe(new stream.Writable({ write }))
        from.push('abc')
        """,
        scenario,
    )


def test_the_others_go_on_when_one_of_several_destinations_fails() -> None:
    # Node's source stays paused here, for the one that has failed will never drain.
    poller = pollerOf()
    got: list[bytes] = []

    def write(chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        got.append(chunk)
        callback()

    source = Readable(read=lambda size: None)
    failing = Writable(write=lambda chunk, encoding, callback: callback(Exception("fail")))
    failing.on("error", lambda error: None)
    source.pipe(failing)
    source.pipe(Writable(write=write))
    for chunk in (b"a", b"b"):
        poller.ticks.call(None, lambda chunk=chunk: source.push(chunk))
    assert b"".join(got) == b"ab"
