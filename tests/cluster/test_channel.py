"""Both ends of a channel in one process: what is sent arrives, and nothing else happens."""

from __future__ import annotations

import json
import os
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from descriptors import descriptors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.cluster._channel import Channel, QueryFailed
from nodenet.cluster._frames import WINDOW
from nodenet.cluster._outbox import MOST_FRAMES
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_IPC_CHANNEL_CLOSED, ERR_OUT_OF_RANGE
from nodenet.loop import pollerOf

Flush = Callable[..., list[Failure]]


class End:
    """One end, which notes what it is told."""

    def __init__(self, skt: socket.socket) -> None:
        self.channel = Channel(pollerOf(), skt)
        self.messages: list[Any] = []
        self.handles: list[socket.socket] = []
        self.ended: Deferred[BaseException | None] = Deferred()
        self._waits: tuple[int, Deferred[None]] | None = None
        self.channel.message = self.take
        self.channel.closed = self.ended.callback

    def take(self, message: Any, handle: socket.socket | None) -> None:
        self.messages.append(message)
        if handle is not None:
            self.handles.append(handle)
        if self._waits is not None and len(self.messages) >= self._waits[0]:
            _, waits = self._waits
            self._waits = None
            waits.callback(None)

    async def has(self, count: int) -> list[Any]:
        if len(self.messages) < count:
            arrived: Deferred[None] = Deferred()
            self._waits = count, arrived
            await arrived
        return self.messages

    async def end(self) -> BaseException | None:
        for handle in self.handles:
            handle.close()
        self.channel.close()
        return await self.ended


@contextmanager
def raw() -> Iterator[tuple[End, socket.socket]]:
    """An end, and the bare socket at the other side."""
    ours, theirs = socket.socketpair()
    with theirs:
        yield End(ours), theirs


def ends() -> tuple[End, End]:
    ours, theirs = socket.socketpair()
    return End(ours), End(theirs)


def framed(content: object) -> bytes:
    data = json.dumps(content).encode()
    return struct.pack("!I", len(data)) + data


async def test_messages_arrive_in_their_order_both_ways() -> None:
    one, other = ends()
    said = [1, "zwei", None, {"drei": [3.5, True]}, "ü" * 100_000, "\ud800"]
    for message in said:
        one.channel.send(message)
        other.channel.send([message])
    assert await other.has(len(said)) == said
    assert await one.has(len(said)) == [[message] for message in said]
    await one.end()
    await other.end()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=20,
        ),
        min_size=1,
        max_size=20,
    )
)
async def test_whatever_json_can_say_arrives(said: list[Any]) -> None:
    one, other = ends()
    for message in said:
        one.channel.send(message)
    assert await other.has(len(said)) == said
    await one.end()
    await other.end()


async def test_a_message_is_sent_when_the_kernel_has_it() -> None:
    one, other = ends()
    await one.channel.send("small")
    assert not one.channel.full
    await one.channel.send("x" * 5_000_000)
    assert len((await other.has(2))[1]) == 5_000_000
    assert await one.end() is None
    assert await other.end() is None


async def test_what_json_has_no_word_for_is_refused_at_once() -> None:
    one, other = ends()
    with pytest.raises(ERR_INVALID_ARG_TYPE, match='"message" argument must be'):
        one.channel.send(b"bytes")
    with pytest.raises(ERR_OUT_OF_RANGE, match="bytes as JSON"):
        one.channel.send("x" * 17_000_000)
    one.channel.send("goes on")
    assert await other.has(1) == ["goes on"]
    await one.end()
    await other.end()


async def test_too_much_for_a_reader_that_does_not_read_is_refused() -> None:
    with raw() as (one, _):
        sent = [one.channel.send("x" * 15_000_000) for _ in range(5)]
        with pytest.raises(OSError, match="ENOBUFS"):
            await sent[-1]
        assert not any(done.called for done in sent[:-1])
        one.channel.close()
        await one.ended
    for done in sent[:-1]:
        with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
            await done


async def test_behind_too_many_messages_there_is_room_for_a_note() -> None:
    before = descriptors()
    with raw() as (one, _):
        near, far = socket.socketpair()
        waiting = [one.channel.send("x" * 15_000_000) for _ in range(4)]
        waiting += [one.channel.send("handle", far) for _ in range(WINDOW + MOST_FRAMES)]
        for refused in one.channel.send("x" * 15_000_000), one.channel.send("handle", far):
            with pytest.raises(OSError, match="ENOBUFS"):
                await refused
        one.channel.tell({"act": "note"})
        asked = one.channel.ask({"act": "query"})
        assert one.channel.connected
        assert not asked.called
        near.close()
        far.close()
    assert await one.ended is None
    unanswered: list[Any] = [*waiting, asked]
    for done in unanswered:
        with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
            await done
    assert descriptors() == before


async def test_who_sends_more_sockets_than_are_taken_is_told_to_wait() -> None:
    one, other = ends()
    near, far = socket.socketpair()
    sent = [one.channel.send("handle", far) for _ in range(WINDOW)]
    assert not one.channel.full
    sent.append(one.channel.send("handle", far))
    assert one.channel.full
    await sent[-1]
    assert not one.channel.full
    near.close()
    far.close()
    await one.end()
    await other.end()


async def test_a_question_has_an_answer() -> None:
    one, other = ends()
    later: Deferred[Any] = Deferred()
    other.channel.serve("double", lambda query, _: ({"is": query["number"] * 2}, None))
    other.channel.serve("later", lambda query, _: later)
    slow = one.channel.ask({"act": "later"})
    assert await one.channel.ask({"act": "double", "number": 21}) == ({"is": 42}, None)
    later.callback(({"is": "late"}, None))
    assert await slow == ({"is": "late"}, None)
    await one.end()
    await other.end()


async def test_who_fails_to_answer_says_so(flushLoggedErrors: Flush) -> None:
    one, other = ends()
    other.channel.serve("divide", lambda query, _: 1 / 0)
    other.channel.serve("babble", lambda query, _: ({"bytes": b""}, None))
    for act in "divide", "babble", "unknown":
        with pytest.raises(QueryFailed):
            await one.channel.ask({"act": act})
    assert len(flushLoggedErrors(ZeroDivisionError, ERR_INVALID_ARG_TYPE, LookupError)) == 3
    await one.end()
    await other.end()


async def test_questions_fail_when_the_channel_closes() -> None:
    one, other = ends()
    never: Deferred[Any] = Deferred()
    other.channel.serve("never", lambda query, _: never)
    asked = one.channel.ask({"act": "never"})
    await other.has(0)
    assert await other.end() is None
    with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
        await asked
    assert await one.ended is None
    with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
        await one.channel.ask({"act": "never"})
    with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
        await one.channel.send("too late")
    one.channel.tell({"act": "nobody minds"})


async def test_who_closes_answers_no_more() -> None:
    one, other = ends()
    near, far = socket.socketpair()
    served: list[Any] = []
    later: Deferred[Any] = Deferred()

    def serve(query: dict[str, Any], _: object) -> Deferred[Any]:
        served.append(query)
        return later

    other.channel.serve("early", serve)
    other.channel.serve("late", serve)
    early = one.channel.ask({"act": "early"})
    await one.channel.send("asked")
    await other.has(1)
    other.channel.send("keeps it open until this has arrived", far)
    other.channel.close()
    late = one.channel.ask({"act": "late"}, near)
    later.callback(({}, near))
    for asked in early, late:
        with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
            await asked
    assert served == [{"act": "early"}]
    assert await one.has(1) == ["keeps it open until this has arrived"]
    far.close()
    near.close()
    await one.end()
    await other.ended


async def test_answers_and_notes_keep_their_order() -> None:
    one, other = ends()
    seen: list[str] = []

    def answer(query: dict[str, Any], _: object) -> tuple[dict[str, Any], None]:
        other.channel.tell({"act": "before"})
        return {}, None

    other.channel.serve("question", answer)
    one.channel.hear("before", lambda note, _: seen.append("note"))
    asked = one.channel.ask({"act": "question"})
    asked.addCallback(lambda _: seen.append("answer"))
    await asked
    assert seen == ["note", "answer"]
    await one.end()
    await other.end()


async def test_handles_arrive_with_their_messages() -> None:
    before = descriptors()
    one, other = ends()
    pairs = [socket.socketpair() for _ in range(20)]
    for number, (_, end) in enumerate(pairs):
        one.channel.send("without")
        one.channel.send(number, end)
        end.close()  # the channel has its own
    assert [said for said in await other.has(40) if said != "without"] == list(range(20))
    for number, (near, _) in enumerate(pairs):
        other.handles[number].send(b"%d" % number)
        assert near.recv(9) == b"%d" % number
        assert not other.handles[number].get_inheritable()
        near.close()
    await other.end()
    await one.ended
    assert descriptors() == before


async def test_more_handles_than_a_window_holds() -> None:
    before = descriptors()
    one, other = ends()
    near, far = socket.socketpair()
    sent = [one.channel.send(number, far) for number in range(3 * WINDOW)]
    one.channel.send("behind them")
    assert await other.has(3 * WINDOW + 1) == [*range(3 * WINDOW), "behind them"]
    for done in sent:
        await done
    near.close()
    far.close()
    await one.end()
    await other.end()
    assert descriptors() == before


async def test_questions_and_answers_carry_handles() -> None:
    before = descriptors()
    one, other = ends()
    near, far = socket.socketpair()

    def swap(query: dict[str, Any], handle: socket.socket | None) -> tuple[dict[str, Any], Any]:
        assert handle is not None
        handle.send(b"got it")
        handle.close()
        return {}, far

    other.channel.serve("swap", swap)
    _, back = await one.channel.ask({"act": "swap"}, far)
    assert near.recv(9) == b"got it"
    assert back is not None
    back.send(b"and back")
    assert near.recv(9) == b"and back"
    for skt in near, far, back:
        skt.close()
    await one.end()
    await other.end()
    assert descriptors() == before


@pytest.mark.parametrize("note", [{}, {"number": "7"}, {"number": None}, {"number": [7]}])
async def test_a_note_that_does_not_say_what_it_must_ends_the_channel(note: dict[str, Any]) -> None:
    before = descriptors()
    with raw() as (one, theirs):
        heard: list[dict[str, Any]] = []
        one.channel.hear("count", lambda note, _: heard.append(note), number=int)
        theirs.sendall(framed(["note", 1, None, None, {"act": "count", "number": 7}]))
        theirs.sendall(framed(["note", 2, None, None, {"act": "count", **note}]))
        assert "malformed note about 'count'" in str(await one.ended)
        assert heard == [{"act": "count", "number": 7}]
    assert descriptors() == before


async def test_a_handle_that_came_with_what_nobody_can_answer_is_closed(
    flushLoggedErrors: Flush,
) -> None:
    one, other = ends()
    near, far = socket.socketpair()
    other.channel.serve("divide", lambda query, _: 1 / 0)
    with far:
        for act in "divide", "unknown":
            with pytest.raises(QueryFailed):
                await one.channel.ask({"act": act}, far)
    near.setblocking(False)
    assert near.recv(1) == b""  # although the log has the failures still
    assert len(flushLoggedErrors(ZeroDivisionError, LookupError)) == 2
    near.close()
    await one.end()
    await other.end()


async def test_a_handle_that_nobody_waits_for_is_closed() -> None:
    before = descriptors()
    one, other = ends()
    near, far = socket.socketpair()
    later: Deferred[Any] = Deferred()
    other.channel.serve("later", lambda query, _: later)
    asked = one.channel.ask({"act": "later"})
    asked.addErrback(lambda _: None)
    asked.cancel()
    await one.channel.send("arrived")
    await other.has(1)
    later.callback(({}, far))
    one.channel.tell({"act": "nobody listens"}, far)
    other.channel.send("behind the answer")
    await one.has(1)
    far.close()
    await one.end()
    await other.end()
    assert near.recv(1) == b""
    near.close()
    assert descriptors() == before


async def test_closing_waits_for_handles_under_way() -> None:
    one, other = ends()
    near, far = socket.socketpair()
    sent = [one.channel.send(number, far) for number in range(WINDOW + 5)]
    one.channel.close()
    far.close()
    await one.ended
    for done in sent:
        await done
    assert await other.has(WINDOW + 5) == list(range(WINDOW + 5))
    near.close()
    await other.end()


async def test_handles_that_did_not_arrive_are_the_senders_again() -> None:
    before = descriptors()
    with raw() as (one, theirs):
        near, far = socket.socketpair()
        sent = one.channel.send("with a handle", far)
        asked = one.channel.ask({"act": "with one too"}, far)
        await one.channel.send("behind")
        theirs.close()
        assert await one.ended is None
        for waiting in sent, asked:
            with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
                await waiting
        near.close()
        far.close()
    assert descriptors() == before


async def test_a_process_without_room_for_a_handle_says_so() -> None:
    one, other = ends()
    near, far = socket.socketpair()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    sent = one.channel.send("lost", far)
    await one.channel.send("arrives")
    free = os.dup(0)  # the lowest number that is free, and all above it are
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(OSError, match="EMFILE"):
            await sent
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await one.channel.send("arrives as well", far)
    assert await other.has(2) == ["arrives", "arrives as well"]
    assert len(other.handles) == 1
    near.close()
    far.close()
    await one.end()
    await other.end()


def framed_bytes(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


def with_descriptor(theirs: socket.socket, data: bytes, fd: int) -> None:
    socket.send_fds(theirs, [data], [fd])


MALFORMED = {
    "no JSON": framed("x")[:-1] + b"!",
    "no list": framed({"kind": "message"}),
    "too short a list": framed(["message", 1]),
    "an unknown kind": framed(["shout", 1, None, None, "hello"]),
    "a kind of another type": framed([["message"], 1, None, None, "hello"]),
    "no number": framed(["message", "1", None, None, "hello"]),
    "an inode that is none": framed(["message", 1, None, "7", "hello"]),
    "a note about nothing": framed(["note", 1, None, None, {}]),
    "a question that is no object": framed(["query", 1, None, None, "why"]),
    "an answer that is none": framed(["answer", 1, 1, None, "yes"]),
    "too deep": struct.pack("!I", 200_000) + b"[" * 200_000,
    "not UTF-8": struct.pack("!I", 3) + b'"\xff"',
    "too long": struct.pack("!I", 2**31),
}


async def test_last_words_are_heard_by_who_is_speaking_himself() -> None:
    with raw() as (one, theirs):
        theirs.sendall(framed(["message", 1, None, None, "farewell"]))
        theirs.close()
        sent = one.channel.send("anybody?")  # there is nobody, which is seen first
        assert await one.ended is None
        with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
            await sent
        assert one.messages == ["farewell"]


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_frames_end_the_channel(data: bytes) -> None:
    before = descriptors()
    with raw() as (one, theirs):
        theirs.sendall(framed(["message", 1, None, None, "well"]) + data + framed("more"))
        error = await one.ended
        assert isinstance(error, ValueError)
        assert "The other process sent a " in str(error)
        assert one.messages == ["well"]
        theirs.settimeout(10)
        assert theirs.recv(1) == b""
    assert descriptors() == before


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(max_size=40) | st.binary(max_size=40).map(framed_bytes), max_size=5))
async def test_no_bytes_break_more_than_the_channel(chunks: list[bytes]) -> None:
    before = descriptors()
    with raw() as (one, theirs):
        for chunk in chunks:
            with_descriptor(theirs, chunk or b"\0", theirs.fileno())
        theirs.shutdown(socket.SHUT_WR)
        await one.ended
    assert descriptors() == before


async def test_what_is_no_socket_ends_the_channel() -> None:
    before = descriptors()
    with raw() as (one, theirs):
        with open(os.devnull, "rb") as file:
            with_descriptor(theirs, framed(["message", 1, None, 1, "a file"]), file.fileno())
        assert isinstance(await one.ended, ValueError)
        assert one.messages == []
    assert descriptors() == before


async def test_handles_that_no_frame_names_are_closed() -> None:
    before = descriptors()
    with raw() as (one, theirs):
        for _ in range(3):
            near, far = socket.socketpair()
            with near, far:
                with_descriptor(theirs, framed(["message", 1, None, None, "no"]), far.fileno())
        await one.has(3)
        await one.end()
    assert descriptors() == before


async def test_handles_that_no_frame_names_are_few() -> None:
    before = descriptors()
    with raw() as (one, theirs):
        for _ in range(WINDOW + 1):
            with_descriptor(theirs, framed(["message", 1, None, None, "no"]), theirs.fileno())
        assert "sockets that it does not speak of" in str(await one.ended)
    assert descriptors() == before


async def test_answers_to_nothing_are_nothing() -> None:
    with raw() as (one, theirs):
        for kind in "answer", "failed", "got", "lost":
            for about in None, 99:
                theirs.sendall(framed([kind, 1, about, None, {}]))
        theirs.sendall(framed(["message", 1, None, None, "well"]))
        assert await one.has(1) == ["well"]
        assert await one.end() is None


async def test_an_unreferenced_channel_keeps_nothing_going() -> None:
    one, other = ends()
    poller = pollerOf()
    assert poller.references == 2
    one.channel.unref()
    assert poller.references == 1
    assert not one.channel.hasRef()
    one.channel.ref()
    assert poller.references == 2
    await one.end()
    await other.end()
    assert one.channel.fileno() == -1
