"""Workers that close, die or fail beside others on one port: who was theirs is served by others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster.clients import Client, greetings
from descriptors import descriptors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from net_tools import failure, happens, portOf
from twisted.internet.defer import Deferred
from workers import Primary, Worker

from nodenet import net
from nodenet.loop import pollerOf


async def test_a_worker_that_dies_takes_no_port_with_it() -> None:
    primary = Primary()
    one, other = primary.worker(), primary.worker()
    await one.server()
    server = await other.server()
    await one.die()
    assert await greetings(portOf(server), "127.0.0.1", count=3) == ["2", "2", "2"]
    await primary.end()


async def test_what_a_worker_dies_with_before_it_has_taken_it_is_the_next_ones() -> None:
    primary = Primary()
    dying, other = primary.worker(), primary.worker()
    server = await dying.server()
    await other.server()
    offered: Deferred[Any] = Deferred()

    def hold(query: Any, skt: Any) -> Deferred[Any]:
        offered.callback(skt)
        return Deferred()

    dying.channel.serve("connection", hold)
    client = Client(portOf(server), "127.0.0.1")
    (await offered).close()
    await dying.die()
    assert await client.greeting() == "2"
    await client.end()
    await primary.end()


async def test_a_worker_that_cannot_take_a_connection_is_left_alone_for_a_while(
    flushLoggedErrors: Callable[..., list[Any]],
) -> None:
    primary = Primary()
    broken, other = primary.worker(), primary.worker()
    server = await broken.server()
    await other.server()

    def fail(query: Any, skt: Any) -> None:
        skt.close()
        raise MemoryError

    broken.channel.serve("connection", fail)
    assert await greetings(portOf(server), "127.0.0.1", count=4) == ["2"] * 4
    assert len(flushLoggedErrors(MemoryError)) < 4
    await primary.end()


class Unsteady:
    """Workers that do, each time they are offered a connection, what is to be done next."""

    def __init__(self, doings: list[str]) -> None:
        self.dying: list[Deferred[None]] = []
        self._left = list(doings)

    def become(self, worker: Worker) -> None:
        """Make `worker` one; when nothing is left to be done, it takes every connection."""
        offered = worker.source._offered

        def offering(query: Any, skt: Any) -> Any:
            doing = self._left.pop() if self._left else "take"
            if doing == "die" and len(self.dying) < 2:
                skt.close()
                self.dying.append(Deferred.fromCoroutine(worker.die()))
                return Deferred()
            if doing == "leave":
                skt.close()
                return {"accepted": False}, None
            answer: Deferred[Any] = Deferred()
            if doing == "late":
                pollerOf().callLater(0, lambda: answer.callback(offered(query, skt)))
            else:
                answer.callback(offered(query, skt))
            return answer

        worker.channel.serve("connection", offering)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["take", "leave", "late", "die"]), max_size=40))
async def test_whatever_workers_do_everybody_is_served(doings: list[str]) -> None:
    primary, unsteady = Primary(), Unsteady(doings)
    port = 0
    for _ in range(3):
        port = portOf(await primary.worker().server())
    for worker in primary.workers:
        unsteady.become(worker)
    clients = [Client(port, "127.0.0.1") for _ in range(12)]
    assert {await client.greeting() for client in clients} <= {"1", "2", "3"}
    for client in clients:
        await client.end()
    for dead in unsteady.dying:
        await dead
    await primary.end()


async def test_a_worker_that_closes_leaves_its_turn_to_others() -> None:
    primary = Primary()
    one = await primary.worker().server()
    other = await primary.worker().server()
    one.close()
    await happens(one, "close")
    assert await greetings(portOf(other), "127.0.0.1", count=3) == ["2", "2", "2"]
    await primary.end()


async def test_the_port_closes_with_the_last_worker() -> None:
    before = descriptors()
    primary = Primary()
    workers = [primary.worker(), primary.worker()]
    port = portOf(await workers[0].server())
    await workers[1].server()
    assert await greetings(port, "127.0.0.1", count=2) == ["1", "2"]
    await workers[0].end()
    assert await greetings(port, "127.0.0.1", count=1) == ["2"]
    await workers[1].die()
    assert (await failure(net.connect(port, "127.0.0.1"))).code == "ECONNREFUSED"  # type: ignore[attr-defined]
    assert descriptors() == before


async def test_a_connection_that_is_taken_is_served_though_the_server_closes_at_once() -> None:
    primary = Primary()
    worker = primary.worker()
    server = await worker.server()
    closing: Deferred[None] = Deferred()
    offered = worker.source._offered

    def offering(query: Any, skt: Any) -> Any:
        answer = offered(query, skt)
        pollerOf().nextTick(lambda: server.close(lambda: closing.callback(None)))
        return answer

    worker.channel.serve("connection", offering)
    client = Client(portOf(server), "127.0.0.1")
    assert await client.greeting() == "1"
    assert not closing.called
    await client.end()
    await closing
    await primary.end()


async def test_closing_all_of_a_worker_waits_for_its_connections() -> None:
    primary = Primary()
    worker = primary.worker()
    server = await worker.server()
    client = Client(portOf(server), "127.0.0.1")
    await client.greeting()
    closed = worker.source.close()
    assert not server.listening
    assert not closed.called
    await client.end()
    await closed
    await primary.end()
