"""Both ends of a channel in one process: what is said arrives, and nothing else happens."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from cluster.channels import ends, framed, raw
from descriptors import descriptors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.cluster._channel import QueryFailed
from nodenet.cluster._frames import WINDOW
from nodenet.cluster._outbox import MOST_FRAMES
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_IPC_CHANNEL_CLOSED, ERR_OUT_OF_RANGE
from nodenet.loop import pollerOf

Flush = Callable[..., list[Failure]]


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


async def test_last_words_are_heard_by_who_is_speaking_himself() -> None:
    with raw() as (one, theirs):
        theirs.sendall(framed(["message", 1, None, None, "farewell"]))
        theirs.close()
        sent = one.channel.send("anybody?")  # there is nobody, which is seen first
        assert await one.ended is None
        with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
            await sent
        assert one.messages == ["farewell"]


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
