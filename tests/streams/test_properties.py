"""What holds for every sequence of calls: bytes arrive, callbacks are called."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock

from nodenet.loop import Poller, pollerOf
from nodenet.streams import Duplex, Readable, Writable


class Ticking:
    """A Poller whose callbacks are made by the test."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.poller: Poller = pollerOf(self.reactor)

    def run(self, callback: Callable[[], object]) -> None:
        """Run `callback` as a callback of the loop, with all its ticks."""
        self.poller.ticks.call(None, callback)


class Pushed(Readable):
    _keeps_pushing = True

    def _read(self, size: int) -> None:
        """The test pushes."""


_READING = st.one_of(
    st.tuples(st.just("push"), st.binary(max_size=9)),
    st.tuples(st.just("read"), st.one_of(st.none(), st.integers(0, 12))),
    st.tuples(st.just("unshift"), st.integers(1, 9)),
    st.tuples(st.sampled_from(["pause", "resume", "listen", "unlisten", "watch", "unwatch"])),
    st.tuples(st.just("tick")),
)


class Reader:
    """Reads in every way, and keeps what it got."""

    def __init__(self, stream: Readable) -> None:
        self.stream = stream
        self.got = b""

    def data(self, chunk: bytes) -> None:
        self.got += chunk

    def read(self, size: int | None) -> None:
        # What read() returns is emitted as 'data' too.
        heard = self.stream.listenerCount("data") > 0
        chunk = self.stream.read(size)
        if chunk is not None and not heard:
            assert isinstance(chunk, bytes)
            self.got += chunk

    def unshift(self, size: int) -> None:
        back, self.got = self.got[-size:], self.got[:-size]
        self.stream.unshift(back)

    def readable(self) -> None:
        self.read(2)

    def do(self, operation: tuple[Any, ...]) -> None:
        stream = self.stream
        match operation:
            case ["push", chunk]:
                stream.push(chunk)
            case ["read" | "unshift" as name, value]:
                getattr(self, name)(value)
            case ["pause"]:
                stream.pause()
            case ["resume"] if stream.listenerCount("data"):
                stream.resume()
            case ["listen"] if not stream.listenerCount("data"):
                stream.on("data", self.data)
            case ["unlisten"]:
                stream.pause()
                stream.removeListener("data", self.data)
            case ["watch"] if not stream.listenerCount("readable"):
                stream.on("readable", self.readable)
            case ["unwatch"]:
                stream.removeListener("readable", self.readable)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([Readable, Pushed]), st.lists(_READING), st.integers(0, 20))
def test_bytes_are_read_intact_and_in_order(
    kind: type[Readable], operations: list[tuple[Any, ...]], mark: int
) -> None:
    ticking = Ticking()
    read: dict[str, Any] = {} if kind is Pushed else {"read": lambda size: None}
    stream = kind(reactor=ticking.reactor, highWaterMark=mark, **read)
    reader = Reader(stream)
    pushed = b"".join(operation[1] for operation in operations if operation[0] == "push")

    perform(ticking, reader.do, operations)

    def finish() -> None:
        stream.pause()
        stream.removeListener("readable", reader.readable)
        stream.removeListener("data", reader.data)

    def take_the_rest() -> None:
        while (chunk := stream.read()) is not None:
            assert isinstance(chunk, bytes)
            reader.got += chunk

    ticking.run(finish)
    ticking.run(take_the_rest)
    assert reader.got == pushed


_WRITING = st.one_of(
    st.tuples(st.just("write"), st.binary(max_size=9), st.booleans()),
    st.tuples(st.sampled_from(["cork", "uncork", "settle", "tick", "end"])),
    st.tuples(st.sampled_from(["destroy", "fail"])),
)
_WAYS = st.lists(st.sampled_from(["now", "soon", "later", "badly"]), max_size=12)


class Sink:
    """Takes what a stream writes, in the ways that it is told."""

    def __init__(self, ticking: Ticking, ways: list[str], batches: bool, sends: bool) -> None:
        self.ways = deque(ways)
        self.held: list[Callable[..., object]] = []
        self.taken = b""
        self.poller = ticking.poller
        options: dict[str, Any] = {"write": self.write}
        if batches:
            options["writev"] = lambda chunks, callback: self.write(b"".join(chunks), "", callback)
        self.stream = Writable(options, reactor=ticking.reactor, highWaterMark=8)
        self.stream.on("error", lambda error: None)
        if sends:
            self.stream._send = self.send

    def write(self, chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        way = self.ways.popleft() if self.ways else "now"
        if way == "badly":
            callback(Exception("badly"))
            return
        self.taken += chunk
        if way == "now":
            callback()
        elif way == "soon":
            self.poller.nextTick(callback)
        else:
            self.held.append(callback)

    def send(self, chunk: bytes) -> bool:
        way = self.ways.popleft() if self.ways else "now"
        if way == "badly":
            raise OSError("badly")
        self.taken += chunk
        if way == "soon":
            self.poller.nextTick(self.stream._sent)
        elif way == "later":
            self.held.append(self.stream._sent)
        return way == "now"

    def settle(self) -> None:
        if self.held:
            self.held.pop(0)()


class Writer:
    """Writes in every way, and keeps what was called back."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.given: list[bytes] = []
        self.expected: list[int] = []
        self.called: list[tuple[int, bool]] = []

    def write(self, chunk: bytes, calls_back: bool) -> None:
        number = len(self.given)
        self.given.append(chunk)
        inside = True

        def callback(error: BaseException | None) -> None:
            assert not inside
            self.called.append((number, error is None))

        if calls_back:
            self.expected.append(number)
            self.sink.stream.write(chunk, callback)
        else:
            self.sink.stream.write(chunk)
        inside = False

    def do(self, operation: tuple[Any, ...]) -> None:
        match operation:
            case ["write", chunk, calls_back]:
                self.write(chunk, calls_back)
            case ["settle"]:
                self.sink.settle()
            case ["fail"]:
                self.sink.stream.destroy(Exception("fail"))
            case [name]:
                getattr(self.sink.stream, name)()


def perform(
    ticking: Ticking, do: Callable[[tuple[Any, ...]], object], operations: list[tuple[Any, ...]]
) -> None:
    """Do all operations; after each ``tick`` the rest is done in another callback."""
    waiting = deque(operations)

    def step() -> None:
        while waiting and waiting[0][0] != "tick":
            do(waiting.popleft())

    while waiting:
        ticking.run(step)
        if waiting:
            waiting.popleft()


@settings(deadline=None, max_examples=300)
@given(st.lists(_WRITING), _WAYS, st.booleans(), st.booleans())
def test_callbacks_are_called_in_order_and_once(
    operations: list[tuple[Any, ...]], ways: list[str], batches: bool, sends: bool
) -> None:
    ticking = Ticking()
    sink = Sink(ticking, ways, batches, sends)
    writer = Writer(sink)
    perform(ticking, writer.do, operations)
    while sink.stream.writableCorked:
        ticking.run(sink.stream.uncork)
    for _ in range(len(operations) + 1):
        ticking.run(sink.settle)

    assert sorted(number for number, _ in writer.called) == writer.expected
    succeeded = [number for number, fine in writer.called if fine]
    assert succeeded == sorted(succeeded)
    if sink.stream.errored is None:
        assert b"".join(writer.given).startswith(sink.taken)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40)), st.integers(0, 20), st.integers(0, 20))
def test_a_pipe_carries_every_byte_at_the_pace_of_the_slowest(
    chunks: list[bytes], mark: int, step: int
) -> None:
    ticking = Ticking()
    sinks = [Sink(ticking, ["later"] * len(chunks), True, sends) for sends in (True, False)]
    source = Pushed(reactor=ticking.reactor, highWaterMark=mark)
    waiting = deque(chunks)

    def push() -> None:
        while waiting and source.push(waiting.popleft()):
            pass
        if not waiting:
            source.push(None)
            source.read(0)

    ticking.run(lambda: [source.pipe(sink.stream) for sink in sinks])
    ticking.run(push)
    for number in range(4 * len(chunks) + 4):
        ticking.run(push if waiting else sinks[number % 2].settle)
        for sink in sinks:
            assert sink.stream.writableLength <= 8 + mark + 80
    for _ in range(2 * len(chunks) + 2):
        for sink in sinks:
            ticking.run(sink.settle)
    assert [sink.taken for sink in sinks] == [b"".join(chunks)] * 2
    assert all(sink.stream.writableFinished for sink in sinks)


class Echo(Duplex):
    def _read(self, size: int) -> None:
        """What is written is pushed."""

    def _write(self, chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        self.push(chunk)
        callback()


@given(st.lists(st.binary()), st.booleans())
def test_the_halves_of_a_duplex_are_over_when_it_closes(chunks: list[bytes], half: bool) -> None:
    ticking = Ticking()
    stream = Echo(reactor=ticking.reactor, allowHalfOpen=half)
    seen: list[str] = []
    got: list[bytes] = []

    def begin() -> None:
        stream.on("data", got.append)
        for event in ("end", "finish", "close"):
            stream.on(event, lambda event=event: seen.append(event))
        for chunk in chunks:
            stream.write(chunk)
        stream.end()

    ticking.run(begin)
    ticking.run(lambda: stream.push(None))
    assert b"".join(got) == b"".join(chunks)
    assert seen == ["finish", "end", "close"]
