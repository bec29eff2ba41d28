"""Handles that go through a channel: they arrive, come back, or are closed."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Callable
from typing import Any

import pytest
from cluster.channels import ends, raw
from descriptors import descriptors
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.cluster._channel import QueryFailed
from nodenet.cluster._frames import WINDOW
from nodenet.errors import ERR_IPC_CHANNEL_CLOSED

Flush = Callable[..., list[Failure]]


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
