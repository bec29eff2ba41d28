"""A callback or a listener that raises is reported, and takes nobody else with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from nodenet.loop import pollerOf
from nodenet.streams import Writable
from nodenet.testing import Guard


@pytest.fixture
def reported(guard: Guard) -> Iterator[list[str]]:
    """The exceptions that nobody caught."""
    found: list[str] = []
    with guard.divert(lambda event: found.append(str(event["log_failure"].value))):
        yield found


def run(callback: Callable[[], object]) -> None:
    pollerOf().ticks.call(None, callback)


def boom(*args: object) -> None:
    raise ValueError("boom")


class Held:
    """A Writable whose writes are settled by the test."""

    def __init__(self, **options: Any) -> None:
        self.held: list[Callable[..., object]] = []
        self.seen: list[object] = []
        self.stream = Writable(
            write=lambda chunk, encoding, callback: self.held.append(callback), **options
        )
        self.stream.on("finish", lambda: self.seen.append("finish"))

    def see(self, name: str) -> Callable[[object], None]:
        return lambda error: self.seen.append((name, error is None))


def test_callbacks_of_one_batch(reported: list[str]) -> None:
    sink = Held(writev=lambda chunks, callback: callback())
    run(lambda: [sink.stream.write(b"a"), sink.stream.write(b"b", boom)])
    run(lambda: sink.stream.write(b"c", sink.see("c")))
    run(sink.stream.end)
    run(sink.held.pop())
    assert (sink.seen, reported) == ([("c", True), "finish"], ["boom"])


def test_callbacks_of_a_dead_stream(reported: list[str]) -> None:
    sink = Held()
    sink.stream.cork()
    run(
        lambda: [
            sink.stream.write(b"a", boom),
            sink.stream.write(b"b", sink.see("b")),
            sink.stream.destroy(),
        ]
    )
    assert (sink.seen, reported) == ([("b", False)], ["boom"])


def test_a_drain_listener(reported: list[str]) -> None:
    sink = Held(highWaterMark=1)
    sink.stream.on("drain", boom)
    run(lambda: sink.stream.write(b"a", sink.see("a")))
    run(sink.held.pop())
    run(sink.stream.end)
    assert (sink.seen, reported) == ([("a", True), "finish"], ["boom"])


def test_an_error_that_nobody_listens_to_comes_before_close(reported: list[str]) -> None:
    sink = Held()
    sink.stream.on("close", lambda: sink.seen.append("close"))
    run(lambda: sink.stream.destroy(ValueError("unheard")))
    assert (sink.seen, reported) == (["close"], ["unheard"])


def test_a_write_that_raises_has_not_happened() -> None:
    seen: list[object] = []
    stream = Writable(write=boom)
    stream.on("finish", lambda: seen.append("finish"))
    with pytest.raises(ValueError, match="boom"):
        stream.write(b"a", seen.append)
    assert stream.writableLength == 0
    run(stream.end)
    assert seen == ["finish"]


def test_a_write_that_raises_later_fails_the_stream() -> None:
    calls: list[Callable[..., object]] = []
    seen: list[object] = []

    def write(chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        if calls:
            boom()
        calls.append(callback)

    stream = Writable(write=write)
    stream.on("error", lambda error: seen.append(str(error)))

    def say(name: str) -> None:
        stream.write(name, lambda error: seen.append((name, str(error))))

    for name in "abc":
        run(partial(say, name))
    run(calls[0])
    assert seen == [("a", "None"), ("b", "boom"), ("c", "boom"), "boom"]
