"""For whoever debugs: what sockets and servers say of themselves."""

from __future__ import annotations

from collections.abc import Callable

from net_tools import happens, listening

import nodenet
from nodenet import net
from nodenet.events import once


async def test_a_socket_shows_its_state_and_both_addresses() -> None:
    server = net.createServer(lambda socket: socket.resume())
    port = await listening(server)
    client = net.Socket()
    assert repr(client) == "<Socket idle>"
    client.connect(port, "127.0.0.1")
    assert repr(client).startswith("<Socket opening")
    await once(client, "connect")
    assert repr(client) == f"<Socket open 127.0.0.1:{client.localPort} - 127.0.0.1:{port}>"
    client.end()
    await happens(client, "close")
    assert repr(client) == "<Socket closed>"
    server.close()
    await happens(server, "close")


async def test_a_server_shows_where_it_listens_and_how_many_are_there(
    socketPath: Callable[[str], str],
) -> None:
    server = net.createServer()
    assert repr(server) == "<Server not listening, 0 connections>"
    port = await listening(server)
    assert repr(server) == f"<Server listening on 127.0.0.1:{port}, 0 connections>"
    client = net.connect(port, "127.0.0.1")
    (accepted,) = await once(server, "connection")
    assert repr(server).endswith("1 connections>")
    client.destroy()
    accepted.destroy()
    server.close()
    await happens(server, "close")
    server.listen(socketPath("s"))
    assert repr(server) == f"<Server listening on {socketPath('s')}, 0 connections>"
    server.close()
    await happens(server, "close")


async def test_the_open_handles_name_what_is_open() -> None:
    before = len(nodenet.openHandles())
    server = net.createServer()
    port = await listening(server)
    accepted = happens(server, "connection")
    client = net.connect(port, "127.0.0.1")
    await once(client, "connect")
    (theirs,) = await accepted
    said = " ".join(map(repr, nodenet.openHandles()[before:]))
    assert f"listening on 127.0.0.1:{port}" in said
    assert f"127.0.0.1:{client.localPort} - 127.0.0.1:{port}" in said
    assert f"127.0.0.1:{port} - 127.0.0.1:{client.localPort}" in said
    for each in (client, theirs):
        each.destroy()
    server.close()
    await happens(server, "close")
    assert len(nodenet.openHandles()) == before
