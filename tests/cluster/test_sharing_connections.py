"""Servers of several workers on one port: whose connection it is, and who has to wait."""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any

from cluster.clients import Client, connections, greetings
from descriptors import descriptors
from net_tools import failure, happens, portOf
from twisted.internet.defer import Deferred, gatherResults
from workers import Primary

from nodenet import net
from nodenet.cluster._round_robin import MOST_WAITING, WINDOW


async def test_workers_take_turns() -> None:
    primary = Primary()
    one = await primary.worker().server()
    other = await primary.worker().server()
    assert portOf(one) == portOf(other)
    assert await greetings(portOf(one), "127.0.0.1", count=7) == ["1", "2", "1", "2", "1", "2", "1"]
    third = await primary.worker().server()
    assert portOf(third) == portOf(one)
    assert await greetings(portOf(one), "127.0.0.1", count=3) == ["2", "1", "3"]
    await primary.end()


async def test_a_crowd_is_shared_out_and_nobody_is_lost() -> None:
    primary = Primary()
    server = await primary.worker().server()
    await primary.worker().server()
    clients = [Client(portOf(server), "127.0.0.1") for _ in range(300)]
    greeted = Counter([await client.greeting() for client in clients])
    assert greeted.total() == greeted["1"] + greeted["2"] == 300
    assert min(greeted.values()) >= 100
    for client in clients:
        await client.end()
    await primary.end()


async def test_each_worker_counts_its_own_connections_and_knows_both_ends() -> None:
    primary = Primary()
    one, other = primary.worker(), primary.worker()
    server = await one.server()
    second = await other.server()
    seen: list[net.Socket] = []
    server.on("connection", seen.append)
    clients = [Client(portOf(server), "127.0.0.1") for _ in range(3)]
    for client in clients:
        await client.greeting()
    assert (await connections(server), await connections(second)) == (2, 1)
    assert seen[0].server is server
    assert seen[0].localPort == portOf(server)
    assert seen[0].remoteAddress == "127.0.0.1"
    assert seen[0].remotePort in [client.socket.localPort for client in clients]
    for client in clients:
        await client.end()
    await primary.end()


async def test_what_has_arrived_before_waits_for_a_paused_connection() -> None:
    primary = Primary()
    server = net.createServer(pauseOnConnect=True)
    await primary.worker().listens(server, 0, "127.0.0.1")
    client = net.connect(portOf(server), "127.0.0.1")
    client.write(b"before")
    (connection,) = await happens(server, "connection")
    assert connection.isPaused()
    said = happens(connection, "data")
    connection.resume()
    assert await said == (b"before",)
    client.destroy()
    await happens(connection, "close")
    await primary.end()


async def test_a_worker_that_has_enough_leaves_connections_to_others() -> None:
    primary = Primary()
    one = await primary.worker().server()
    other = await primary.worker().server()
    one.maxConnections = 1
    clients = [Client(portOf(one), "127.0.0.1") for _ in range(4)]
    assert Counter([await client.greeting() for client in clients]) == {"1": 1, "2": 3}
    assert (await connections(one), await connections(other)) == (1, 3)
    for client in clients:
        await client.end()
    await primary.end()


async def test_when_all_have_enough_connections_wait_until_one_has_room() -> None:
    primary = Primary()
    servers = [await primary.worker().server() for _ in range(2)]
    for server in servers:
        server.maxConnections = 1
    port = portOf(servers[0])
    clients = [Client(port, "127.0.0.1") for _ in range(2)]
    greeted = [await client.greeting() for client in clients]
    late = Client(port, "127.0.0.1")
    await happens(late.socket, "connect")
    await clients[1].end()
    assert await late.greeting() == greeted[1]
    for client in [clients[0], late]:
        await client.end()
    await primary.end()


async def test_raising_the_limit_lets_those_in_who_wait() -> None:
    primary = Primary()
    server = await primary.worker().server()
    server.maxConnections = 0
    client = Client(portOf(server), "127.0.0.1")
    await happens(client.socket, "connect")
    server.maxConnections = 1
    assert await client.greeting() == "1"
    await client.end()
    await primary.end()


async def test_connections_too_many_are_dropped_where_they_shall_be() -> None:
    primary = Primary()
    servers = [await primary.worker().server() for _ in range(2)]
    port = portOf(servers[0])
    dropped: list[net.DropInfo] = []
    for server in servers:
        server.maxConnections, server.dropMaxConnection = 1, True
        server.on("drop", dropped.append)
    clients = [Client(port, "127.0.0.1") for _ in range(5)]
    greeted = Counter([await client.greeting() for client in clients])
    assert greeted == {"1": 1, "2": 1, "closed": 3}
    assert [info.localPort for info in dropped] == [port] * 3
    for client in clients:
        await client.end()
    await primary.end()


async def test_those_who_wait_for_workers_that_do_not_answer_are_bounded() -> None:
    primary = Primary()
    worker = primary.worker()
    server = await worker.server()
    worker.channel.serve("connection", lambda query, skt: Deferred())
    elsewhere = await primary.worker().server({"port": 0})
    before = descriptors()
    clients = [socket.create_connection(("127.0.0.1", portOf(server))) for _ in range(150)]
    # Who comes to another port has his turn behind those who have come before.
    await greetings(portOf(elsewhere), "127.0.0.1", count=20)
    # Each client, what waits in the primary, and both processes' descriptors of what is offered.
    assert descriptors() - before <= len(clients) + MOST_WAITING + 2 * WINDOW + 1
    await worker.die()
    await primary.end()
    for client in clients:
        client.close()


async def test_a_worker_that_is_busy_is_offered_no_more_than_others_can_take() -> None:
    primary = Primary()
    busy = primary.worker()
    server = await busy.server()
    await primary.worker().server()
    held: list[Deferred[Any]] = []

    def hold(query: Any, skt: Any) -> Deferred[Any]:
        skt.close()
        held.append(Deferred())
        return held[-1]

    busy.channel.serve("connection", hold)
    first = Client(portOf(server), "127.0.0.1")
    assert await greetings(portOf(server), "127.0.0.1", count=20) == ["2"] * 20
    assert len(held) == 1
    held[0].callback(({"accepted": False}, None))
    assert await first.greeting() == "2"
    await first.end()
    await primary.end()


async def test_workers_may_accept_themselves() -> None:
    primary = Primary(deals=False)
    servers = [await primary.worker().server() for _ in range(2)]
    port = portOf(servers[0])
    assert port == portOf(servers[1])
    clients = [Client(port, "127.0.0.1") for _ in range(40)]
    greeted = await gatherResults([Deferred.fromCoroutine(each.greeting()) for each in clients])
    assert set(greeted) <= {"1", "2"}
    for client in clients:
        await client.end()
    await primary.workers[0].die()
    assert await greetings(port, "127.0.0.1", count=2) == ["2", "2"]
    await primary.end()
    assert (await failure(net.connect(port, "127.0.0.1"))).code == "ECONNREFUSED"  # type: ignore[attr-defined]
