"""The fixtures for servers and clients."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machine import NEEDS_IPV6

from nodenet import events
from nodenet.loop import openHandles

NOT_NEEDED = ("cacheprovider", "asyncio", "hypothesispytest")  # and slow to start
OF_CI = ("CI", "BUILD_NUMBER")

GUARDED = """
import pytest_twisted
from nodenet import net

@pytest_twisted.ensureDeferred
async def test_it_leaks():
    net.createServer().listen(0, "127.0.0.1")
"""

LEAVING = """
import pytest
import pytest_twisted
from nodenet import events, net

left = []

@pytest_twisted.ensureDeferred
async def test_it_leaves_all_open(nodeServer, nodeClient, nodeSocket, nodeNetwork):
    server = await nodeServer(lambda socket: socket.write(b"x"))
    left.extend([server, await nodeClient(server), await nodeSocket()])
    left.append(nodeNetwork().host("192.0.2.1").createSocket("udp4").bind(53))
    await events.once(left[-1], "listening")

def test_all_is_closed():
    server, client, *sockets = left
    assert not server.listening and client.destroyed
    assert [repr(socket).split()[2] for socket in sockets] == ["closed>", "closed>"]

@pytest_twisted.ensureDeferred
async def test_it_leaks(nodeServer):
    await nodeServer()
    left.append(net.createServer().listen(0, "127.0.0.1"))

@pytest_twisted.ensureDeferred
async def test_its_listener_fails(nodeServer, nodeClient):
    server = await nodeServer(lambda socket: 1 / 0)
    client = await nodeClient(server)
    client.end("x")
    from twisted.internet import reactor
    from twisted.internet.task import deferLater
    for _ in range(20):
        await deferLater(reactor, 0)

@pytest.fixture
def opened():
    server = net.createServer().listen(0, "127.0.0.1")
    yield server
    server.close()

@pytest_twisted.ensureDeferred
async def test_a_fixture_of_its_own_ends_before_it_is_judged(opened, nodeSocket):
    await nodeSocket()

@pytest.fixture(scope="module")
def shared():
    server = net.createServer().listen(0, "127.0.0.1")
    pytest_twisted.blockon(events.once(server, "listening"))
    yield server
    server.close()

def test_what_belongs_to_the_module_may_stay(shared, guard):
    pass

def test_what_was_open_before_is_not_closed(shared, guard):
    assert shared.listening
"""

FAILING = """
def test_it_fails(nodeNetwork):
    network = nodeNetwork(seed=7, loss=1, delay=0.1)
    network.host("192.0.2.2").createSocket("udp4").send("question", 53, "192.0.2.1")
    network.host("192.0.2.1")
    network.clock.advance(1)
    assert False
"""


WITHOUT_REACTOR = """
from nodenet.testing import socketPair

def test_a_network(nodeNetwork):
    network, heard = nodeNetwork(), []
    server = network.host("192.0.2.1").createSocket("udp4", lambda msg, _: heard.append(msg))
    server.bind(53)
    network.host("192.0.2.2").createSocket("udp4").send("question", 53, "192.0.2.1")
    network.clock.advance(0)
    assert heard == [b"question"]

def test_a_connection(guard):
    for end in socketPair():
        end.destroy()

def test_one_that_leaks(guard):
    socketPair()
"""


def outcome(directory: Path, program: str, *arguments: str) -> str:
    """What pytest says of a program."""
    file = directory / "test_program.py"
    file.write_text(program)
    without = [word for name in NOT_NEEDED for word in ("-p", f"no:{name}")]
    options = ["-q", *without, *arguments]
    # Where it is told that this is CI, pytest says errors whole once more in its summary.
    env = {name: value for name, value in os.environ.items() if name not in OF_CI}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, file],
        check=False,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=directory,
    )
    return done.stdout


async def test_a_server_and_a_client(
    nodeServer: Callable[..., Any], nodeClient: Callable[..., Any]
) -> None:
    server = await nodeServer(lambda socket: socket.pipe(socket), allowHalfOpen=True)
    client = await nodeClient(server)
    client.end(b"hello")
    assert [chunk async for chunk in client] == [b"hello"]
    assert len(openHandles()) == 1


async def test_several_servers(
    nodeServer: Callable[..., Any], nodeClient: Callable[..., Any]
) -> None:
    one, two = await nodeServer(), await nodeServer(maxConnections=1)
    assert one.address().port != two.address().port
    await nodeClient(one)
    await nodeClient(two, noDelay=True)
    if not two._connections:
        await events.once(two, "connection")


async def test_datagram_sockets(nodeSocket: Callable[..., Any]) -> None:
    server, client = await nodeSocket(), await nodeSocket()
    server.on("message", lambda msg, rinfo: server.send(msg, rinfo.port, rinfo.address))
    client.send("hello", server.address().port, "127.0.0.1")
    assert (await events.once(client, "message"))[0] == b"hello"
    client.close()


@NEEDS_IPV6
async def test_one_of_ipv6(nodeSocket: Callable[..., Any]) -> None:
    assert (await nodeSocket(type="udp6")).address().address == "::1"


async def test_a_network(nodeNetwork: Callable[..., Any]) -> None:
    network = nodeNetwork()
    server, client = (network.host(f"192.0.2.{one}").createSocket("udp4") for one in (1, 2))
    server.bind(53)
    client.send("hello", 53, "192.0.2.1")
    assert (await events.once(server, "message"))[0] == b"hello"


def test_what_is_left_open_is_closed_and_what_leaks_fails(tmp_path: Path) -> None:
    said = outcome(tmp_path, LEAVING)
    assert "left open: <ListeningDescriptor" in said
    assert "ZeroDivisionError" in said
    assert "7 passed, 2 errors" in said, said


def test_every_test_is_guarded_where_that_is_asked_for(tmp_path: Path) -> None:
    assert "1 passed in" in outcome(tmp_path, GUARDED)
    said = outcome(tmp_path, 'pytest_plugins = ["nodenet.testing.pytest_plugin"]' + GUARDED)
    assert "1 passed, 1 error in" in said, said


def test_what_is_in_memory_needs_no_running_reactor(tmp_path: Path) -> None:
    said = outcome(tmp_path, WITHOUT_REACTOR, "-p", "no:twisted")
    assert "3 passed, 1 error" in said
    assert said.count("\nleft open: <TCPTransport") == 2
    assert "left pending" not in said


def test_a_failure_shows_what_became_of_the_datagrams(tmp_path: Path) -> None:
    said = outcome(tmp_path, FAILING)
    assert "UDP network" in said
    assert "<Network seed=7 loss=1 delay=0.1>" in said
    assert "0.000 192.0.2.2:50001 > 192.0.2.1:53 8 bytes: " in said, said


def test_who_uses_no_fixture_pays_nothing(tmp_path: Path) -> None:
    program = "import sys\ndef test_it():\n    assert 'nodenet.loop' not in sys.modules\n"
    assert "1 passed in" in outcome(tmp_path, program, "-p", "no:pytest_twisted")
