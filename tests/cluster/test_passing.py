"""Sockets on their way between two processes, both of which are this one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from cluster.processes import Client, Ends, Server, connected
from descriptors import descriptors
from twisted.internet.defer import Deferred

from nodenet import dgram, net
from nodenet.events import once


async def test_a_connection_goes_on_in_the_other_process(
    nodeServer: Server, nodeClient: Client
) -> None:
    ends = Ends()
    server, connection, client = await connected(nodeServer, nodeClient, pauseOnConnect=True)
    client.write("for the other one")
    port = connection.remotePort
    closed = once(connection, "close")
    got = await ends.carry(connection)
    assert not (await closed)[0]
    assert connection.destroyed
    assert isinstance(got, net.Socket)
    assert got.remotePort == port
    chunk = (await once(got, "data"))[0]
    assert chunk == b"for the other one"
    got.end("answered")
    assert (await once(client, "data"))[0] == b"answered"
    counted: Deferred[int] = Deferred()
    server.getConnections(lambda _, count: counted.callback(count))
    assert await counted == 1
    closed = once(server, "close")
    server.close()
    await closed  # as soon as the connection is over, in the other process
    await ends.close()


async def test_what_was_read_goes_along(nodeServer: Server, nodeClient: Client) -> None:
    ends = Ends()
    _, connection, client = await connected(nodeServer, nodeClient)
    arrived = once(connection, "readable")
    client.write("early ")
    await arrived
    assert connection.readableLength == 6
    carried = Deferred.fromCoroutine(ends.carry(connection))
    client.write("late")
    got = await carried
    received: list[bytes] = []
    enough: Deferred[None] = Deferred()

    def take(chunk: bytes) -> None:
        received.append(chunk)
        if b"".join(received) == b"early late":
            enough.callback(None)

    got.on("data", take)
    await enough
    got.destroy()
    await ends.close()


async def test_an_end_that_has_arrived_arrives_again(
    nodeServer: Server, nodeClient: Client
) -> None:
    ends = Ends()
    _, connection, client = await connected(nodeServer, nodeClient)
    connection.once("readable", lambda: None)
    client.end("all")
    await once(connection, "readable")
    got = await ends.carry(connection)
    ended = once(got, "end")
    assert (await once(got, "data"))[0] == b"all"
    await ended
    await ends.close()


async def test_both_may_keep_a_connection(nodeServer: Server, nodeClient: Client) -> None:
    ends = Ends()
    _, connection, client = await connected(nodeServer, nodeClient, pauseOnConnect=True)
    got = await ends.carry(connection, {"keepOpen": True})
    assert not connection.destroyed
    got.write("from there")
    assert (await once(client, "data"))[0] == b"from there"
    connection.write("from here")
    assert (await once(client, "data"))[0] == b"from here"
    connection.destroy()
    got.destroy()
    await ends.close()


async def test_a_unix_connection_goes_as_well(socketPath: Callable[[str], str]) -> None:
    ends = Ends()
    server = net.createServer()
    await_listening = once(server, "listening")
    server.listen(socketPath("s"))
    await await_listening
    accepted = once(server, "connection")
    client = net.connect(socketPath("s"))
    (connection,) = await accepted
    got = await ends.carry(connection)
    got.end("through")
    assert (await once(client, "data"))[0] == b"through"
    server.close()
    await ends.close()


async def test_a_server_listens_on_both_sides(nodeServer: Server, nodeClient: Client) -> None:
    ends = Ends()
    server = await nodeServer(lambda connection: connection.end("first"))
    address: Any = server.address()
    got = await ends.carry(server)
    assert isinstance(got, net.Server)
    assert got.listening
    assert got.address() == address
    assert server.listening
    got.on("connection", lambda connection: connection.end("second"))
    closed = once(server, "close")
    server.close()
    await closed
    client = net.connect(address.port, "127.0.0.1")
    assert (await once(client, "data"))[0] == b"second"
    got.close()
    await ends.close()


async def test_messages_behind_a_server_wait_for_it(nodeServer: Server) -> None:
    ends = Ends()
    server = await nodeServer()
    order: list[Any] = []
    last: Deferred[None] = Deferred()

    def take(message: Any, handle: Any) -> None:
        order.append((message, type(handle).__name__))
        if handle is not None:
            handle.close()
        if message == "last":
            last.callback(None)

    ends.far.on("message", take)
    ends.near.send(1)
    ends.near.send(2, server)
    ends.near.send("last")
    await last
    assert order == [(1, "NoneType"), (2, "Server"), ("last", "NoneType")]
    await ends.close()


async def test_a_datagram_socket_receives_on_the_other_side() -> None:
    ends = Ends()
    datagrams: Any = dgram.createSocket("udp4")
    bound = once(datagrams, "listening")
    datagrams.bind(0, "127.0.0.1")
    await bound
    address = datagrams.address()
    port = address.port
    got: Any = await ends.carry(datagrams)
    assert isinstance(got, dgram.Socket)
    assert got.address() == address
    datagrams.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("127.0.0.1", port))
    assert (await once(got, "message"))[0] == b"hello"
    got.close()
    await ends.close()


async def test_a_socket_of_pythons_stays_open_here() -> None:
    ends = Ends()
    one, other = socket.socketpair()
    got = await ends.carry(other)
    assert isinstance(got, socket.socket)
    got.send(b"both")
    assert one.recv(9) == b"both"
    assert other.fileno() >= 0
    for skt in one, other, got:
        skt.close()
    await ends.close()


async def test_no_descriptor_is_left(nodeServer: Server, nodeClient: Client) -> None:
    server = await nodeServer(None)
    before = descriptors()
    ends = Ends()
    for _ in range(20):
        accepted = once(server, "connection")
        client = await nodeClient(server)
        (connection,) = await accepted
        got = await ends.carry(connection)
        closed = once(client, "close")
        client.resume()
        got.end()
        client.end()
        await closed
        if not got.destroyed:
            got.resume()
            await once(got, "close")
    await ends.close()
    assert descriptors() == before
