"""Listening, beyond what Node can be asked: adopted sockets, replaced files, permissions."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from machine import NEEDS_IPV6
from net_tools import failure, happens, listening, portOf

from nodenet import net
from nodenet.abort import AbortController
from nodenet.errors import AbortError
from nodenet.events import once

Paths = Callable[[str], str]


async def answered(*where: object) -> bytes:
    """What a server that ends with a word says to who connects."""
    client = net.connect(*where)
    return b"".join([bytes(chunk) async for chunk in client if not isinstance(chunk, str)])


async def closed(server: net.Server) -> None:
    server.close()
    await happens(server, "close")


def greeter() -> net.Server:
    return net.createServer(lambda socket: socket.resume().end("hello"))


async def test_a_python_socket_becomes_the_server_s() -> None:
    skt = socket.socket()
    skt.bind(("127.0.0.1", 0))
    server = greeter().listen(skt)
    await once(server, "listening")
    assert await answered(skt.getsockname()[1], "127.0.0.1") == b"hello"
    await closed(server)
    assert skt.fileno() == -1


async def test_a_descriptor_becomes_the_server_s() -> None:
    skt = socket.create_server(("127.0.0.1", 0))
    port = skt.getsockname()[1]
    server = greeter().listen({"fd": skt.detach()})
    await once(server, "listening")
    assert portOf(server) == port
    assert await answered(port, "127.0.0.1") == b"hello"
    await closed(server)


async def test_the_path_of_an_adopted_socket_is_not_ours_to_remove(socketPath: Paths) -> None:
    skt = socket.socket(socket.AF_UNIX)
    skt.bind(socketPath("s"))
    server = greeter().listen({"fd": skt.detach()})
    await once(server, "listening")
    assert server.address() == socketPath("s")
    assert await answered(socketPath("s")) == b"hello"
    await closed(server)
    assert os.path.exists(socketPath("s"))


async def test_a_descriptor_that_cannot_listen_stays_open() -> None:
    skt = socket.socket(type=socket.SOCK_DGRAM)
    server = net.createServer().listen({"fd": skt.fileno()})
    with pytest.raises(OSError, match="listen EINVAL: invalid argument"):
        await once(server, "listening")
    skt.bind(("127.0.0.1", 0))  # it still can be used
    skt.close()


async def test_only_our_own_file_is_removed(socketPath: Paths) -> None:
    path = socketPath("s")
    server = net.createServer().listen(path)
    await once(server, "listening")
    os.unlink(path)
    with open(path, "wb"):
        pass
    await closed(server)
    assert os.path.isfile(path)


async def test_the_permissions_of_a_path_can_be_told(socketPath: Paths) -> None:
    server = net.createServer().listen({"path": socketPath("s"), "mode": 0o600})
    await once(server, "listening")
    assert os.stat(socketPath("s")).st_mode & 0o777 == 0o600
    await closed(server)


async def test_a_port_can_be_shared_through_the_kernel() -> None:
    first, second = greeter(), greeter()
    port = await listening(first, {"port": 0, "host": "127.0.0.1", "reusePort": True})
    await listening(second, {"port": port, "host": "127.0.0.1", "reusePort": True})
    assert portOf(second) == port
    assert await answered(port, "127.0.0.1") == b"hello"
    await closed(first)
    await closed(second)


@NEEDS_IPV6
async def test_both_families_are_heard_unless_told_otherwise() -> None:
    server = greeter().listen(0)
    await once(server, "listening")
    port = portOf(server)
    assert await answered(port, "127.0.0.1") == await answered(port, "::1") == b"hello"
    await closed(server)
    server.listen({"port": 0, "host": "::", "ipv6Only": True})
    await once(server, "listening")
    assert await answered(portOf(server), "::1") == b"hello"
    refused = await failure(net.connect(portOf(server), "127.0.0.1"))
    assert isinstance(refused, ConnectionRefusedError)
    await closed(server)


async def test_a_signal_destroys_a_socket() -> None:
    server = greeter()
    port = await listening(server)
    controller = AbortController()
    client = net.connect(port=port, host="127.0.0.1", signal=controller.signal)
    controller.abort()
    assert isinstance(await failure(client), AbortError)
    await closed(server)
