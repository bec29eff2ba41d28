"""Places that several workers listen on: the primary binds them, and closes them."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from cluster.clients import greetings
from descriptors import descriptors
from net_tools import failure, happens, portOf
from twisted.internet.defer import Deferred
from workers import Primary

from nodenet import net
from nodenet.errors import ERR_IPC_CHANNEL_CLOSED, ERR_SERVER_ALREADY_LISTEN
from nodenet.loop import activeHandles, pollerOf

Path = Callable[[str], str]


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
