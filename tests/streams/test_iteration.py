"""``async for`` over a stream, ``async with``, and iterables as streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from oracle import Oracle, Tracer
from twisted.internet.defer import CancelledError, Deferred

from nodenet.errors import ERR_STREAM_PREMATURE_CLOSE, AbortError
from nodenet.loop import pollerOf
from nodenet.streams import Readable, Writable, fromIterable


def source(*chunks: bytes | None) -> Readable:
    """A stream that gives one chunk each time it is asked."""
    waiting = list(chunks)

    def read(size: int) -> None:
        if waiting:
            chunk = waiting.pop(0)
            pollerOf().nextTick(made.push, chunk)

    made = Readable(read=read)
    return made


def later(callback: Callable[..., object], *args: Any) -> None:
    pollerOf().callLater(0, callback, *args)


async def test_chunks_come_until_the_end() -> None:
    stream = source(b"a", b"b", None)
    assert b"".join([chunk async for chunk in stream]) == b"ab"  # type: ignore[misc]  # bytes
    assert stream.destroyed


async def test_leaving_the_loop_destroys_the_stream() -> None:
    stream = source(b"a", b"b")
    async for _ in stream:
        break
    assert stream.destroyed
    assert isinstance(stream.errored, AbortError)  # which nobody has to listen to


async def test_an_exception_in_the_loop_destroys_the_stream() -> None:
    stream = source(b"a", b"b")

    async def fail() -> None:
        async for chunk in stream:
            raise KeyError(chunk)

    with pytest.raises(KeyError):
        await fail()
    assert stream.destroyed


async def test_returning_from_the_loop_destroys_the_stream() -> None:
    async def first(stream: Readable) -> object:
        async for chunk in stream:
            return chunk
        return None

    stream = source(b"a", b"b")
    assert await first(stream) == b"ab"
    assert stream.destroyed


async def test_cancelling_the_one_who_waits_destroys_the_stream() -> None:
    async def forever(stream: Readable) -> None:
        async for _ in stream:
            pass

    stream = source(b"a")
    waiting = Deferred.fromCoroutine(forever(stream))
    done: Deferred[None] = Deferred()
    later(later, done.callback, None)
    await done
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    assert stream.destroyed


async def test_the_stream_may_be_left_open() -> None:
    stream = source(b"a")
    async for _ in stream.iterator(destroyOnReturn=False):
        break
    assert not stream.destroyed
    later(stream.push, b"b")
    later(stream.push, None)
    assert [chunk async for chunk in stream] == [b"b"]


async def test_an_error_is_raised_after_what_was_read() -> None:
    stream = source(b"a")
    got = []

    async def read() -> None:
        async for chunk in stream:
            got.append(chunk)
            later(stream.destroy, ValueError("broken"))

    with pytest.raises(ValueError, match="broken"):
        await read()
    assert got == [b"a"]


async def test_a_stream_that_closes_early_is_an_error() -> None:
    stream = source()
    later(stream.destroy)
    with pytest.raises(ERR_STREAM_PREMATURE_CLOSE):
        async for _ in stream:
            pass


async def test_text_is_iterated_over_after_set_encoding() -> None:
    stream = source("é".encode()[:1], "é".encode()[1:], None).setEncoding("utf8")
    assert [chunk async for chunk in stream] == ["é"]


async def test_leaving_async_with_destroys_what_is_unfinished() -> None:
    errors: list[Exception] = []
    async with source(b"a") as stream:
        stream.on("error", errors.append)
    assert stream.closed
    assert [type(error) for error in errors] == [AbortError]


async def test_leaving_async_with_waits_for_what_is_finished() -> None:
    async with Writable(write=lambda chunk, encoding, callback: callback()) as stream:
        stream.end(b"a")
        while not stream.writableFinished:
            done: Deferred[None] = Deferred()
            later(done.callback, None)
            await done
    assert stream.closed
    assert stream.errored is None


async def test_an_exception_passes_async_with() -> None:
    stream = source(b"a")
    with pytest.raises(KeyError):
        async with stream:
            raise KeyError
    assert stream.closed


async def test_async_with_does_as_node_does(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        stream = Readable(read=lambda size: None)
        for event in ("error", "close"):
            stream.on(event, lambda *args, event=event: t(event, *args))
        await stream.__aexit__(None, None, None)
        t("disposed", stream.destroyed, stream.closed)

    await oracle.compare(
        """
        const made = new stream.Readable({ read () {} })
        for (const event of ['error', 'close']) made.on(event, (...args) => t(event, ...args))
        await made[Symbol.asyncDispose]()
        t('disposed', made.destroyed, made.closed)
        """,
        scenario,
    )


async def test_iteration_reads_as_node_does(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        stream = Readable(read=lambda size: t("_read"))
        for event in ("end", "close", "pause", "resume"):
            stream.on(event, lambda event=event: t(event))
        poller = pollerOf()
        for number, chunk in enumerate((b"a", b"b", None)):
            poller.callLater(0.01 * (number + 1), stream.push, chunk)
        async for got in stream:
            t("chunk", got, stream.readableFlowing)
        t("over", stream.destroyed)

    await oracle.compare(
        """
        const made = new stream.Readable({ read () { t('_read') } })
        for (const event of ['end', 'close', 'pause', 'resume']) made.on(event, () => t(event))
        for (const [number, chunk] of ['a', 'b', null].entries()) {
          setTimeout(() => made.push(chunk), 10 * (number + 1))
        }
        for await (const chunk of made) t('chunk', chunk, made.readableFlowing)
        t('over', made.destroyed)
        """,
        scenario,
    )


async def _letters(closed: list[bool]) -> AsyncIterator[bytes]:
    try:
        for letter in (b"a", b"b", b"c"):
            yield letter
    finally:
        closed.append(True)


async def test_an_asynchronous_generator_is_a_source() -> None:
    closed: list[bool] = []
    stream = fromIterable(_letters(closed))
    assert b"".join([chunk async for chunk in stream]) == b"abc"  # type: ignore[misc]  # bytes
    assert closed == [True]


async def test_a_list_or_a_text_is_a_source() -> None:
    assert [chunk async for chunk in fromIterable([b"a", "b"])] == [b"ab"]
    assert [chunk async for chunk in fromIterable("abc", encoding="utf8")] == ["abc"]


async def test_an_iterable_that_is_left_is_closed() -> None:
    closed: list[bool] = []
    stream = fromIterable(_letters(closed), highWaterMark=1)
    async for chunk in stream:
        assert chunk == b"a"
        break
    done: Deferred[None] = Deferred()
    later(done.callback, None)
    await done
    assert closed == [True]


async def test_a_generator_that_waits_is_woken_to_be_closed() -> None:
    closed: list[str] = []

    async def waits() -> AsyncIterator[bytes]:
        yield b"a"
        try:
            await Deferred()
        except CancelledError:
            closed.append("cancelled")
            raise

    stream = fromIterable(waits())
    async for chunk in stream:
        assert chunk == b"a"
        break
    assert closed == ["cancelled"]


async def test_an_iterable_that_fails_destroys_its_stream() -> None:
    async def fails() -> AsyncIterator[bytes]:
        yield b"a"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async for _ in fromIterable(fails()):
            pass


async def test_what_cannot_be_iterated_over_is_refused() -> None:
    with pytest.raises(TypeError, match='"iterable" argument'):
        fromIterable(5)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(TypeError, match="May not write null"):
        async for _ in fromIterable([b"a", None]):
            pass
