"""Where nothing stands between, a chunk goes straight through."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from nodenet.errors import systemError
from nodenet.loop import pollerOf
from nodenet.streams import Duplex


class Wire(Duplex):
    """A Duplex whose two ends are in the test's hands."""

    _keeps_pushing = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked = 0
        self.sent: list[bytes] = []
        self.answers: list[bool | OSError] = []
        self._send = self.send

    def _read(self, size: int) -> None:
        self.asked += 1

    def send(self, chunk: bytes) -> bool:
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, OSError):
            raise answer
        self.sent.append(chunk)
        return answer


def run(callback: Callable[[], object]) -> None:
    """Run a callback of the loop, with its ticks."""
    pollerOf().ticks.call(None, callback)


def flowing(**options: Any) -> tuple[Wire, list[Any]]:
    """A stream that flows, and what it has emitted."""
    wire = Wire(**options)
    got: list[Any] = []
    wire.on("data", got.append)
    run(lambda: wire.read(0))
    run(lambda: wire.push(b"first"))
    got.clear()
    return wire, got


def ticks() -> int:
    """How many callbacks wait for the next tick."""
    return len(pollerOf().ticks.queue)


def test_a_chunk_goes_to_its_listener_and_leaves_no_tick() -> None:
    wire, got = flowing()
    asked = wire.asked

    def push() -> None:
        assert wire.push(b"a")
        assert got == [b"a"]
        assert ticks() == 0

    run(push)
    assert wire.asked == asked


def test_several_listeners_all_get_it() -> None:
    wire, got = flowing()
    more: list[bytes] = []
    wire.on("data", more.append)
    run(lambda: wire.push(b"a"))
    assert (got, more) == ([b"a"], [b"a"])
    wire.removeListener("data", got.append)
    run(lambda: wire.push(b"b"))
    assert (got, more) == ([b"a"], [b"a", b"b"])


def test_a_pause_in_the_listener_keeps_the_next_chunk() -> None:
    wire = Wire(highWaterMark=2)
    got: list[bytes] = []

    @wire.on("data")
    def listener(chunk: bytes) -> None:
        got.append(chunk)
        wire.pause()

    run(lambda: wire.push(b"a"))
    results: list[bool] = []
    run(lambda: results.extend([wire.push(b"b"), wire.push(b"c")]))
    assert (got, results) == ([b"a"], [True, False])
    run(wire.resume)
    assert got == [b"a", b"b"]
    assert wire.readableLength == 1


def test_what_a_listener_puts_back_is_delivered_again() -> None:
    wire, got = flowing()
    put_back = [b"a"]

    @wire.on("data")
    def listener(chunk: bytes) -> None:
        if put_back:
            wire.unshift(put_back.pop())

    run(lambda: wire.push(b"abc"))
    assert got == [b"abc", b"a"]


def test_text_is_asked_for_between_two_chunks() -> None:
    wire, got = flowing()
    run(lambda: wire.push("é".encode()[:1]))
    run(lambda: wire.setEncoding("utf8"))
    run(lambda: wire.push("é".encode()))
    assert got == ["é".encode()[:1], "é"]


def test_an_empty_chunk_is_not_emitted() -> None:
    wire, got = flowing()
    run(lambda: wire.push(b""))
    assert got == []


def test_nothing_is_emitted_after_the_end_or_the_death() -> None:
    wire, got = flowing()
    errors: list[Exception] = []
    wire.on("error", errors.append)
    run(lambda: [wire.push(None), wire.push(b"late")])
    assert (got, [str(error) for error in errors]) == ([], ["stream.push() after EOF"])
    wire, got = flowing()
    run(lambda: [wire.destroy(), wire.push(b"late")])
    assert got == []


async def test_a_listener_may_be_a_coroutine_and_its_failure_ends_the_stream() -> None:
    wire, _ = flowing()
    errors: list[Exception] = []
    wire.on("error", errors.append)
    wire.removeAllListeners("data")

    @wire.on("data")
    async def listener(chunk: bytes) -> None:
        raise ValueError(chunk)

    run(lambda: wire.push(b"a"))
    run(lambda: wire.push(b"b"))
    assert [str(error) for error in errors] == ["b'a'"]
    assert wire.destroyed


def test_a_write_is_sent_at_once_and_leaves_no_tick() -> None:
    wire = Wire(highWaterMark=4)

    def write() -> None:
        assert wire.write(b"abc")
        assert wire.write(b"more than the mark")
        assert ticks() == 0

    run(write)
    assert wire.sent == [b"abc", b"more than the mark"]
    assert wire.writableLength == 0


def test_what_the_kernel_does_not_take_holds_up_the_rest() -> None:
    wire = Wire(highWaterMark=4)
    seen: list[str] = []
    wire.on("drain", lambda: seen.append("drain"))
    wire.answers = [False]

    def write() -> None:
        assert not wire.write(b"12345")
        assert not wire.write(b"6", lambda error: seen.append("6"))
        assert not wire.write(b"7")

    run(write)
    assert (wire.sent, wire.writableLength) == ([b"12345"], 7)
    assert wire.writableNeedDrain
    run(wire._sent)
    assert wire.sent == [b"12345", b"67"]
    assert (wire.writableLength, seen) == (0, ["drain", "6"])


def test_corked_writes_are_sent_as_one() -> None:
    wire = Wire()
    wire.cork()
    run(lambda: [wire.write(b"a"), wire.write("b")])
    run(wire.uncork)
    assert wire.sent == [b"ab"]
    run(lambda: wire.write(b"c"))
    assert wire.sent == [b"ab", b"c"]


def test_end_waits_for_what_is_on_its_way() -> None:
    wire = Wire()
    seen: list[str] = []
    wire.on("finish", lambda: seen.append("finish"))
    wire.answers = [False]
    run(lambda: [wire.write(b"a"), wire.end(b"b")])
    assert (wire.sent, seen) == ([b"a"], [])
    run(wire._sent)
    assert (wire.sent, seen) == ([b"a", b"b"], ["finish"])


def test_a_failed_send_destroys_the_stream_and_tells_every_callback() -> None:
    wire = Wire()
    seen: list[Any] = []
    wire.on("error", lambda error: seen.append(error.code))
    wire.on("close", lambda: seen.append("close"))
    wire.answers = [systemError(errno.EPIPE, "write")]

    def write() -> None:
        assert not wire.write(b"a")
        assert not wire.write(b"b", lambda error: seen.append(("b", getattr(error, "code", None))))
        wire.end(lambda error: seen.append(("end", getattr(error, "code", None))))
        assert seen == []

    run(write)
    assert seen == [("b", "EPIPE"), ("end", "EPIPE"), "EPIPE", "close"]


def test_what_is_on_its_way_when_the_stream_dies_is_settled_when_its_owner_says_so() -> None:
    wire = Wire()
    seen: list[object] = []
    wire.on("error", seen.append)
    wire.answers = [False]
    run(lambda: [wire.write(b"a", seen.append), wire.write(b"b", seen.append), wire.destroy()])
    assert seen == []
    run(wire._sent)
    assert [getattr(one, "code", one) for one in seen] == [None, "ERR_STREAM_DESTROYED"]


def test_the_byte_path_is_open_again_in_a_second_life() -> None:
    wire = Wire()
    run(wire.destroy)
    assert wire.destroyed
    run(wire._undestroy)
    assert not wire.destroyed
    run(lambda: wire.write(b"a"))
    assert wire.sent == [b"a"]


def test_text_takes_the_byte_path_too() -> None:
    wire, got = flowing(encoding="utf8")

    def push() -> None:
        for byte in "aé".encode():
            assert wire.push(bytes([byte]))
        assert ticks() == 0

    run(push)
    assert got == ["a", "é"]
    run(lambda: wire.write("é"))
    assert wire.sent == ["é".encode()]
