"""The fixtures for servers and clients."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodenet import events
from nodenet.loop import openHandles

LEAVING = """
import pytest
import pytest_twisted
from nodenet import net

pytest_plugins = ["nodenet.testing.pytest_plugin"]
left = []

@pytest_twisted.ensureDeferred
async def test_it_leaves_all_open(nodeServer, nodeClient):
    server = await nodeServer(lambda socket: socket.write(b"x"))
    left.extend([server, await nodeClient(server)])

def test_all_is_closed():
    server, client = left
    assert not server.listening and client.destroyed

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
"""


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


def test_what_is_left_open_is_closed_and_what_leaks_fails(tmp_path: Path) -> None:
    file = tmp_path / "test_leaving.py"
    file.write_text(LEAVING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", file],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert "left open: <ListeningDescriptor" in done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert "4 passed, 2 errors" in done.stdout, done.stdout
