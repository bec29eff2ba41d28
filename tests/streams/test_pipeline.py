"""Streams in a row, with functions and iterables among them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from oracle import Oracle, Tracer
from twisted.internet.defer import Deferred

from nodenet.abort import AbortController
from nodenet.errors import (
    ERR_STREAM_PREMATURE_CLOSE,
    ERR_STREAM_UNABLE_TO_PIPE,
    AbortError,
)
from nodenet.loop import pollerOf
from nodenet.streams import Duplex, Readable, Writable, pipeline


class Upper(Duplex):
    """Gives back in capitals what it was written."""

    def _read(self, size: int) -> None:
        """What is written is pushed."""

    def _write(self, chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        self.push(chunk.upper())
        callback()

    def _final(self, callback: Callable[..., object]) -> None:
        self.push(None)
        callback()


class Kept(Writable):
    """Keeps what it was written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.got = b""

    def _write(self, chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        self.got += chunk
        callback()


def endless() -> Readable:
    def read(size: int) -> None:
        pollerOf().callLater(0, made.push, b"a")

    made = Readable(read=read)
    return made


async def upper(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk.upper()


async def joined(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def test_bytes_go_through_all_and_all_are_closed() -> None:
    last = Kept()
    middle = Upper()
    assert await pipeline([b"a", b"b"], middle, last) is None
    assert last.got == b"AB"
    assert last.closed
    assert middle.closed


async def test_functions_stand_for_streams() -> None:
    assert await pipeline([b"a", "b"], upper, joined) == b"AB"
    assert await pipeline(lambda: [b"a"], Upper(), joined) == b"A"
    last = Kept()
    await pipeline([[b"a", b"b"], upper, upper, last])
    assert last.got == b"AB"


async def test_a_function_that_fails_destroys_all() -> None:
    async def fails(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            raise KeyError("broken")

    source, last = endless(), Kept()
    with pytest.raises(KeyError):
        await pipeline(source, fails, last)
    assert source.destroyed
    assert last.destroyed


async def test_a_last_function_that_stops_early_destroys_the_source() -> None:
    async def first(chunks: AsyncIterator[bytes]) -> bytes:
        async for chunk in chunks:
            return chunk
        return b""

    source = endless()
    assert await pipeline(source, first) == b"a"
    assert source.destroyed


async def test_cancelling_destroys_all() -> None:
    source, last = endless(), Kept()
    running = pipeline(source, upper, last)
    running.addErrback(lambda failure: None)
    running.cancel()
    assert source.destroyed
    assert last.destroyed


async def test_a_signal_destroys_all() -> None:
    for signalled in ("before", "after"):
        controller = AbortController()
        if signalled == "before":
            controller.abort(ValueError("why"))
        source, last = endless(), Kept()
        running = pipeline(source, last, {"signal": controller.signal})
        if signalled == "after":
            controller.abort(ValueError("why"))
        with pytest.raises(AbortError) as raised:
            await running
        assert str(raised.value.__cause__) == "why"
        assert source.destroyed
        assert last.destroyed


async def test_the_last_stream_may_be_left_open() -> None:
    last = Kept()
    await pipeline([b"a"], last, end=False)
    assert last.writable
    await pipeline([b"b"], last)
    assert last.got == b"ab"


async def test_a_stream_that_closes_early_fails_it() -> None:
    last = Kept()
    running = pipeline(endless(), last)
    pollerOf().callLater(0, last.destroy)
    with pytest.raises(ERR_STREAM_PREMATURE_CLOSE):
        await running
    with pytest.raises(ERR_STREAM_UNABLE_TO_PIPE):
        pipeline(endless(), last)


async def test_with_a_callback_the_last_stream_is_returned() -> None:
    last = Kept()
    done: Deferred[Any] = Deferred()
    assert pipeline([b"a"], last, done.callback) is last
    assert await done is None


_EVENTS = ("pause", "resume", "end", "finish", "error", "close", "unpipe")


def _row(t: Tracer) -> tuple[Readable, Upper, Kept]:
    row = (Readable(read=lambda size: None), Upper(), Kept())
    for name, made in zip("abc", row, strict=True):
        for event in _EVENTS:
            made.on(event, lambda *args, name=name, event=event: _say(t, name, event, args))
    return row


def _say(t: Tracer, name: str, event: str, args: tuple[Any, ...]) -> None:
    t(f"{name} {event}", args[0] if event == "error" else None)


_JS = """
const a = new stream.Readable({ read () {} })
const b = new stream.Duplex({
  read () {},
  write (chunk, encoding, callback) { this.push(`${chunk}`.toUpperCase()); callback() },
  final (callback) { this.push(null); callback() },
})
const c = new stream.Writable({ write (chunk, encoding, callback) { callback() } })
for (const [name, made] of Object.entries({ a, b, c })) {
  for (const event of ['pause', 'resume', 'end', 'finish', 'error', 'close', 'unpipe']) {
    made.on(event, (value) => t(`${name} ${event}`, event === 'error' ? value : undefined))
  }
}
const over = (error) => t('over', error)
"""


async def test_every_event_comes_in_nodes_order(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        a, b, c = _row(t)
        pipeline(a, b, c, lambda error: t("over", error))
        a.push("x")
        pollerOf().callLater(0.01, a.push, None)

    await oracle.compare(
        _JS
        + """
        stream.pipeline(a, b, c, over)
        a.push('x')
        setTimeout(() => a.push(null), 10)
        """,
        scenario,
    )


async def test_an_error_in_the_middle_as_in_node(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        a, b, c = _row(t)
        pipeline(a, b, c, lambda error: t("over", error))
        a.push("x")
        pollerOf().callLater(0.01, b.destroy, ValueError("broken"))

    await oracle.compare(
        _JS
        + """
        stream.pipeline(a, b, c, over)
        a.push('x')
        setTimeout(() => b.destroy(new RangeError('broken')), 10)
        """,
        scenario,
    )


async def test_an_abort_as_in_node(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        controller = AbortController()
        a, b, c = _row(t)
        running = pipeline(a, b, c, {"signal": controller.signal})
        running.addErrback(lambda failure: t("over", failure.value))
        pollerOf().callLater(0.01, controller.abort)

    await oracle.compare(
        _JS
        + """
        const controller = new AbortController()
        stream.promises.pipeline(a, b, c, { signal: controller.signal }).catch(over)
        setTimeout(() => controller.abort(), 10)
        """,
        scenario,
    )
