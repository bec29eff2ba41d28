"""Servers of several workers on one port: whose connection it is, and when the port closes."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from descriptors import descriptors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from net_tools import failure, happens, portOf
from twisted.internet.defer import Deferred, gatherResults
from workers import Primary, Worker

from nodenet import net
from nodenet.cluster._round_robin import MOST_WAITING, WINDOW
from nodenet.errors import ERR_IPC_CHANNEL_CLOSED, ERR_SERVER_ALREADY_LISTEN
from nodenet.loop import activeHandles, pollerOf

Path = Callable[[str], str]


class Client:
    """Somebody who has connected, and is greeted by the worker who got him."""

    def __init__(self, *where: Any) -> None:
        self.socket = net.connect(*where).on("error", lambda _: None)
        self._greeted: Deferred[str] = Deferred()
        self.socket.on("data", self._data)
        self.socket.on("close", lambda _: self._data(b"closed"))

    def _data(self, data: bytes) -> None:
        if not self._greeted.called:
            self._greeted.callback(data.decode())

    async def greeting(self) -> str:
        return await self._greeted

    async def end(self) -> None:
        if not self.socket.destroyed:
            closed = happens(self.socket, "close")
            self.socket.destroy()
            await closed


async def greetings(*where: Any, count: int) -> list[str]:
    """Who greets clients that come one after the other, and go again."""
    greeted = []
    for _ in range(count):
        client = Client(*where)
        greeted.append(await client.greeting())
        await client.end()
    return greeted


async def connections(server: net.Server) -> int:
    counted: Deferred[int] = Deferred()
    server.getConnections(lambda error, count: counted.callback(count))
    return await counted


# -- whose connection it is ---------------------------------------------------------------------


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


# -- workers that go ----------------------------------------------------------------------------


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


# -- places -------------------------------------------------------------------------------------


async def test_each_further_port_of_a_worker_is_the_same_for_all() -> None:
    primary = Primary()
    workers = [primary.worker(), primary.worker()]
    first, second = [[await worker.server() for _ in range(2)] for worker in workers]
    assert [portOf(server) for server in first] == [portOf(server) for server in second]
    assert portOf(first[0]) != portOf(first[1])
    for server in first:
        server.close()
    again = await workers[0].server()
    assert portOf(again) == portOf(second[0])
    await primary.end()


@pytest.mark.parametrize("deals", [True, False])
async def test_the_error_of_the_primarys_bind_is_each_workers(deals: bool) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    primary = Primary(deals)
    workers = [primary.worker(), primary.worker()]
    for worker in workers:
        with pytest.raises(OSError, match=f"^.*bind EADDRINUSE 127.0.0.1:{port}") as caught:
            await worker.server(port, "127.0.0.1")
        error: Any = caught.value
        assert (error.code, error.syscall) == ("EADDRINUSE", "bind")
        assert (error.address, error.port) == ("127.0.0.1", port)
    taken.close()
    assert [portOf(await worker.server(port, "127.0.0.1")) for worker in workers] == [port] * 2
    await primary.end()


async def test_a_port_of_all_addresses_is_shared_too() -> None:
    primary = Primary()
    servers = [await primary.worker().server({"port": 0}) for _ in range(2)]
    assert servers[0].address() == servers[1].address()
    assert await greetings(portOf(servers[0]), "127.0.0.1", count=2) == ["1", "2"]
    await primary.end()


@pytest.mark.parametrize("how", ["exclusive", "reusePort"])
async def test_a_worker_may_have_a_port_of_its_own(how: str) -> None:
    primary = Primary()
    where = {"port": 0, "host": "127.0.0.1", how: True}
    servers = [await primary.worker().server(where) for _ in range(2)]
    assert portOf(servers[0]) != portOf(servers[1])
    assert not primary.workers[0].announced
    for server in servers:
        server.close()
    await primary.end()


async def test_a_descriptor_is_the_primarys_and_stays_open() -> None:
    primary = Primary()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        for _ in range(2):
            worker = primary.worker()
            await worker.server({"fd": listening.fileno()})
            port = listening.getsockname()[1]
            assert await greetings(port, "127.0.0.1", count=1) == [str(worker.id)]
            assert worker.announced[0]["fd"] == listening.fileno()
            await worker.end()
        with pytest.raises(OSError, match="bind EINVAL") as caught:
            await primary.worker().server({"fd": 2**20})
        assert (caught.value.address, caught.value.port) == (None, None)  # type: ignore[attr-defined]
    await primary.end()


@pytest.mark.parametrize("deals", [True, False])
async def test_what_cannot_be_bound_leaves_nothing_open(deals: bool, socketPath: Path) -> None:
    primary = Primary(deals)
    worker = primary.worker()
    reading, writing = os.pipe()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    before = descriptors()
    wrong: list[Any] = [{"fd": reading}, {"fd": datagrams.fileno()}, {"fd": 2**20}]
    wrong += [{"path": socketPath("missing/socket")}, {"path": "/tmp/" + "x" * 200}]
    wrong += [{"port": 0, "host": "192.0.2.1"}]
    for where in wrong:
        with pytest.raises(OSError, match="bind E"):
            await worker.server(where)
    assert descriptors() == before
    os.close(reading)
    os.close(writing)
    datagrams.close()
    await primary.end()


@pytest.mark.parametrize("deals", [True, False])
async def test_the_primary_removes_a_path_when_the_last_worker_closes(
    deals: bool, socketPath: Path
) -> None:
    path = socketPath("shared")
    primary = Primary(deals)
    where = {"path": path, "readableAll": True, "writableAll": True}
    servers = [await primary.worker().server(where) for _ in range(2)]
    assert [server.address() for server in servers] == [path] * 2
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o666 == 0o666
    assert set(await greetings(path, count=2)) <= {"1", "2"}
    await primary.workers[0].end()
    assert await greetings(path, count=1) == ["2"]
    await primary.workers[1].end()
    assert not os.path.exists(path)


@pytest.mark.parametrize("deals", [True, False])
async def test_options_of_the_place_are_the_primarys_too(deals: bool, socketPath: Path) -> None:
    primary = Primary(deals)
    worker = primary.worker()
    path = socketPath("private")
    await worker.server({"path": path, "mode": 0o600})
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    six = await worker.server({"port": 0, "host": "::", "ipv6Only": True})
    assert (await failure(net.connect(portOf(six), "127.0.0.1"))).code == "ECONNREFUSED"  # type: ignore[attr-defined]
    assert await greetings(portOf(six), "::1", count=1) == ["1"]
    await primary.end()


@pytest.mark.skipif(shutil.which("ss") is None, reason="no `ss` to ask the kernel with")
@pytest.mark.parametrize("deals", [True, False])
async def test_the_backlog_is_the_primarys(deals: bool) -> None:
    primary = Primary(deals)
    server = await primary.worker().server({"port": 0, "host": "127.0.0.1", "backlog": 3})
    told = subprocess.check_output(["ss", "-ltnH", f"sport = :{portOf(server)}"], text=True)
    assert told.split()[2] == "3"
    await primary.end()


async def test_a_relative_path_is_meant_where_the_worker_is(
    socketPath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = socketPath("here")
    monkeypatch.chdir(os.path.dirname(path))
    primary = Primary()
    server = await primary.worker().server("here")
    assert server.address() == "here"
    assert await greetings(path, count=1) == ["1"]
    await primary.end()
    announced = primary.workers[0].announced[0]
    assert [announced[name] for name in ("addressType", "address", "port")] == [-1, path, -1]


async def test_what_the_primary_hears_of_listening() -> None:
    primary = Primary()
    worker = primary.worker()
    server = await worker.server()
    await worker.server({"port": 0})
    await primary.end()
    assert worker.announced[0] == {
        "act": "listening",
        "addressType": 4,
        "address": "127.0.0.1",
        "port": worker.announced[0]["port"],
        "fd": None,
    }
    assert worker.announced[1]["address"] is None
    assert not server.listening


# -- closing meanwhile --------------------------------------------------------------------------


@pytest.mark.parametrize("deals", [True, False])
async def test_closing_while_the_primary_is_asked_leaves_nothing_open(deals: bool) -> None:
    before = descriptors()
    primary = Primary(deals)
    worker = primary.worker()
    server = net.createServer()
    asked: Deferred[None] = Deferred()
    ask = worker.channel.ask
    heard: list[str] = []
    server.on("listening", lambda: heard.append("listening"))
    server.on("close", lambda: heard.append("close"))

    def asking(query: Any, handle: Any = None) -> Any:
        pollerOf().nextTick(asked.callback, None)
        return ask(query, handle)

    worker.channel.ask = asking  # type: ignore[method-assign]
    with worker:
        server.listen(0, "127.0.0.1")
        await asked
    server.close()
    other = await primary.worker().server()
    await primary.end()
    assert heard == ["close"]
    assert not other.listening
    assert descriptors() == before


async def test_listening_again_before_the_primary_has_answered_counts_alone() -> None:
    primary = Primary()
    worker = primary.worker()
    server = net.createServer()
    with worker:
        server.listen(0, "127.0.0.1")
        server.listen(0, "127.0.0.1")
        await happens(server, "listening")
    with pytest.raises(ERR_SERVER_ALREADY_LISTEN):
        server.listen(0)
    await primary.end()


async def test_without_a_primary_listening_fails() -> None:
    primary = Primary()
    worker = primary.worker()
    await worker.die()
    with pytest.raises(ERR_IPC_CHANNEL_CLOSED):
        await worker.server()


async def test_a_shared_port_keeps_a_program_going_unless_it_is_told_not_to() -> None:
    primary = Primary()
    worker = primary.worker()
    before = activeHandles()
    server = await worker.server()
    going = activeHandles()
    server.unref()
    server.unref()
    assert activeHandles() == going - 1
    server.ref()
    assert activeHandles() == going
    server.close()
    assert activeHandles() == going - 1
    assert going > before
    await primary.end()


# -- workers that accept ------------------------------------------------------------------------


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
