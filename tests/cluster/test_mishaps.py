"""What goes wrong now and then between a primary and its workers, and must not last."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from cluster_oracle import Program, runProgram
from descriptors import noMoreDescriptors
from net_tools import happens, portOf
from twisted.internet.defer import Deferred
from workers import Primary

from nodenet import net

Path = Callable[[str], str]


async def greeting(*where: Any) -> str:
    """Which worker greets a client, who goes again then."""
    client = net.connect(*where)
    (greeted,) = await happens(client, "data")
    closed = happens(client, "close")
    client.destroy()
    await closed
    return str(greeted.decode())


async def test_a_client_with_an_abstract_name_is_served(socketPath: Path) -> None:
    path = socketPath("shared")
    primary = Primary()
    await primary.worker().server({"path": path})
    named = socket.socket(socket.AF_UNIX)
    named.bind(b"\0nodenet-client-%d" % os.getpid())
    named.connect(path)
    client = net.Socket({"fd": named.detach()})
    assert await happens(client, "data") == (b"1",)
    client.destroy()
    await primary.end()


@pytest.mark.parametrize("deals", [True, False])
async def test_a_path_is_removed_though_the_primary_has_changed_its_directory(
    deals: bool, socketPath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = socketPath("shared")
    monkeypatch.chdir(os.path.dirname(path))
    primary = Primary(deals)
    await primary.worker().server({"path": path})
    monkeypatch.chdir("/")
    assert await greeting(path) == "1"
    await primary.end()
    assert not os.path.exists(path)


@pytest.mark.parametrize("deals", [True, False])
async def test_a_path_that_is_too_long_is_named_from_the_directory(
    deals: bool, socketPath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = socketPath("d" * 100)
    os.mkdir(directory)
    monkeypatch.chdir(directory)
    primary = Primary(deals)
    await primary.worker().server({"path": f"{directory}/shared"})
    assert await greeting("shared") == "1"
    await primary.end()
    assert os.listdir(directory) == []


async def test_a_worker_that_listens_again_has_the_turns_of_the_others() -> None:
    primary = Primary()
    one, other = primary.worker(), primary.worker()
    server = await one.server()
    await other.server()
    port = portOf(server)
    offered = one.source._offered

    async def listenAgain(skt: Any) -> Any:
        skt.close()
        server.close()
        await one.server()
        return {"accepted": False}, None

    def offering(query: Any, skt: Any) -> Deferred[Any]:
        one.channel.serve("connection", offered)
        return Deferred.fromCoroutine(listenAgain(skt))

    one.channel.serve("connection", offering)
    assert await greeting(port, "127.0.0.1") == "2"  # whom the first has not taken
    while await greeting(port, "127.0.0.1") != "1":
        pass  # it rests for a moment
    greeted = [await greeting(port, "127.0.0.1") for _ in range(6)]
    assert greeted == ["2", "1"] * 3
    await primary.end()


@pytest.mark.parametrize("spare", [0, 1])
async def test_a_primary_without_a_descriptor_for_a_worker_says_so(spare: int) -> None:
    primary = Primary(deals=False)
    await primary.worker().server()
    other = primary.worker()
    with noMoreDescriptors(spare), pytest.raises(OSError, match="bind EMFILE") as caught:
        await other.server()
    error: Any = caught.value
    assert (error.code, error.syscall, error.address) == ("EMFILE", "bind", "127.0.0.1")
    await other.server()
    await primary.end()


def test_a_primary_without_descriptors_goes_on_dealing_what_it_has_accepted() -> None:
    worker = """
    def greet(peer):
        peer.on("error", lambda _: None).resume()
        peer.end("welcome")

    heard = []

    def hears(data):
        heard.append(data)
        if len(heard) == 60:
            say("heard", str(set(heard)))

    def connect(port, _):
        for _ in range(60):
            net.connect(port, "127.0.0.1").on("data", hears)

    if cluster.worker.id == 1:
        net.createServer(greet).listen(0, "127.0.0.1", ready)
    else:
        cluster.worker.on("message", connect)
        ready()
    """
    primary = """
    import resource

    free = os.dup(0)
    os.close(free)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 12, limits[1]))
    said = Deferred()
    cluster.workers[2].on("message", lambda what, _: "say" in what and said.callback(None))
    cluster.workers[2].send(seen["port"])
    await said
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    """
    trace = runProgram(Program(("", worker), ("", primary)))
    assert [line for line in trace if " says " in line] == ["2 says 'heard' \"{b'welcome'}\""]
