"""Connecting where nodenet does more than Node, or where Node has no answer to compare with."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from net_tools import failure, happens, listening

from nodenet import net
from nodenet.abort import AbortSignal
from nodenet.errors import (
    ERR_INVALID_ADDRESS_FAMILY,
    ERR_INVALID_IP_ADDRESS,
    ERR_IP_BLOCKED,
    AbortError,
)
from nodenet.events import once
from nodenet.loop import nextTick


def answering(*answer: Any) -> Callable[..., None]:
    """A look-up that knows one answer."""

    def look_up(host: str, query: dict[str, Any], callback: Callable[..., None]) -> None:
        nextTick(callback, *answer)

    return look_up


async def test_a_look_up_may_find_nothing() -> None:
    for choice in (True, False):
        socket = net.connect(
            1, "name", lookup=answering(None, [] if choice else None), autoSelectFamily=choice
        )
        assert isinstance(await failure(socket), ERR_INVALID_IP_ADDRESS)


async def test_a_look_up_may_leave_the_family_out() -> None:
    socket = net.connect(1, "name", lookup=answering(None, "127.0.0.1"), autoSelectFamily=False)
    assert isinstance(await failure(socket), ERR_INVALID_ADDRESS_FAMILY)


async def test_a_look_up_that_throws_throws_out_of_connect() -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("broken")

    socket = net.Socket()
    with pytest.raises(RuntimeError, match="broken"):
        socket.connect(1, "name", lookup=broken)
    socket.destroy()
    await happens(socket, "close")


async def test_a_block_list_of_the_call_counts_too() -> None:
    blocked = net.BlockList()
    blocked.addSubnet("127.0.0.0", 8)
    socket = net.Socket().connect(1, "127.0.0.1", blockList=blocked)
    assert isinstance(await failure(socket), ERR_IP_BLOCKED)


async def test_a_socket_destroyed_at_its_attempt_does_not_connect() -> None:
    async with net.createServer() as server:
        port = await listening(server)
        connections: list[net.Socket] = []
        server.on("connection", connections.append)
        socket = net.connect(port, "127.0.0.1")
        socket.on("connectionAttempt", lambda *_: socket.destroy())
        await happens(socket, "close")
    assert not connections


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
async def test_a_connected_socket_cannot_connect_again(
    unix: bool, socketPath: Callable[[str], str]
) -> None:
    async with net.createServer(lambda socket: socket.resume()) as server:
        where: dict[str, Any] = (
            {"path": socketPath("s")} if unix else {"port": 0, "host": "127.0.0.1"}
        )
        where["port"] = await listening(server, where)
        socket = net.connect(where)
        await once(socket, "connect")
        socket.connect(where)
        error = await failure(socket)
    assert isinstance(error, OSError)
    assert error.errno == errno.EISCONN


async def test_an_attempt_that_the_kernel_refuses_at_once_names_the_local_address() -> None:
    async with net.createServer(lambda socket: socket.resume()) as server:
        port = await listening(server)
        first = net.connect(port, "127.0.0.1", localAddress="127.0.0.1")
        await once(first, "connect")
        ours = first.localPort
        second = net.connect(port, "127.0.0.1", localAddress="127.0.0.1", localPort=ours)
        error = await failure(second)
        first.destroy()
    assert str(error) == (f"connect EADDRNOTAVAIL 127.0.0.1:{port} - Local (127.0.0.1:{ours})")


async def test_a_socket_connects_again_after_close() -> None:
    heard: list[bytes] = []
    async with net.createServer(lambda socket: socket.end("hello")) as server:
        port = await listening(server)
        socket = net.Socket()
        socket.on("data", heard.append)
        for _ in range(3):
            socket.connect(port, "127.0.0.1")
            assert socket.connecting
            await happens(socket, "close")
            assert (socket.destroyed, socket.readyState, socket.bytesRead) == (True, "closed", 5)
    assert heard == [b"hello"] * 3


async def test_a_socket_that_was_aborted_before_does_not_connect() -> None:
    server = net.createServer(lambda socket: pytest.fail("somebody has connected"))
    port = await listening(server)
    client = net.connect(port, "127.0.0.1", signal=AbortSignal.abort())
    assert isinstance(await failure(client), AbortError)
    assert client.destroyed
    server.close()
    await happens(server, "close")
