"""Sockets on their way between two processes, both of which are this one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from descriptors import descriptors
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet import dgram, net
from nodenet.cluster._channel import Channel
from nodenet.cluster._passing import unpack
from nodenet.cluster._process import Process
from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_INVALID_HANDLE_TYPE,
    ERR_INVALID_STATE,
    ERR_IPC_CHANNEL_CLOSED,
    ERR_SOCKET_CLOSED,
)
from nodenet.events import once
from nodenet.loop import pollerOf

Client = Callable[..., Deferred[net.Socket]]
Server = Callable[..., Deferred[net.Server]]
Flush = Callable[..., list[Failure]]


class Ends:
    """Both ends of a channel, as the processes have them."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.near, self.far = self._end(ours), self._end(theirs)

    def _end(self, skt: socket.socket) -> Process:
        process = Process(lambda *_: False)
        process._attach(pollerOf(), Channel(pollerOf(), skt))
        return process

    async def carry(self, handle: Any, *options: Any) -> Any:
        """Send it, and return what has arrived."""
        arrived = once(self.far, "message")
        sent: Deferred[Any] = Deferred()
        send: Any = self.near.send
        send("take this", handle, *options, sent.callback)
        message, got = await arrived
        assert message == "take this"
        assert await sent is None
        return got

    async def close(self) -> None:
        ended = once(self.far, "disconnect")
        if self.near.connected:
            self.near.disconnect()
        await ended


async def connected(nodeServer: Server, nodeClient: Client, **options: Any) -> Any:
    """A server, a connection that it has accepted, and its client."""
    server = await nodeServer(None, **options)
    accepted = once(server, "connection")
    client = await nodeClient(server)
    (connection,) = await accepted
    return server, connection, client


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


async def test_writing_to_a_connection_on_its_way_fails(
    nodeServer: Server, nodeClient: Client
) -> None:
    ends = Ends()
    _, connection, client = await connected(nodeServer, nodeClient)
    failed: Deferred[Any] = Deferred()
    connection.on("error", failed.callback)
    ends.near.send("take this", connection)
    connection.write("too late")
    assert isinstance(await failed, ERR_SOCKET_CLOSED)
    _, got = await once(ends.far, "message")
    got.end("it lives")
    assert (await once(client, "data"))[0] == b"it lives"
    await ends.close()


async def test_a_connection_that_did_not_arrive_goes_on_here(
    nodeServer: Server, nodeClient: Client
) -> None:
    ours, theirs = socket.socketpair()
    near = Process(lambda *_: False)
    near._attach(pollerOf(), Channel(pollerOf(), ours))
    _, connection, client = await connected(nodeServer, nodeClient)
    arrived = once(connection, "readable")
    client.write("not ")
    await arrived
    failed: Deferred[Any] = Deferred()
    near.send("take this", connection, failed.callback)
    client.write("lost")
    theirs.close()
    assert isinstance(await failed, ERR_IPC_CHANNEL_CLOSED)
    assert not connection.destroyed
    received = b""
    while received != b"not lost":
        received += (await once(connection, "data"))[0]
    connection.end("here")
    assert (await once(client, "data"))[0] == b"here"


async def test_a_connection_that_was_ended_on_its_way_and_came_back_is_ended(
    nodeServer: Server, nodeClient: Client
) -> None:
    ours, theirs = socket.socketpair()
    near = Process(lambda *_: False)
    near._attach(pollerOf(), Channel(pollerOf(), ours))
    _, connection, client = await connected(nodeServer, nodeClient, allowHalfOpen=True)
    client.resume()
    ended = once(client, "end")
    failed: Deferred[Any] = Deferred()
    near.send("take this", connection, failed.callback)
    finished = once(connection, "finish")
    connection.end()
    await finished
    theirs.close()
    assert isinstance(await failed, ERR_IPC_CHANNEL_CLOSED)
    await ended
    connection.destroy()


async def test_a_connection_that_was_destroyed_on_its_way_is_closed(
    nodeServer: Server, nodeClient: Client
) -> None:
    ours, theirs = socket.socketpair()
    near = Process(lambda *_: False)
    near._attach(pollerOf(), Channel(pollerOf(), ours))
    _, connection, client = await connected(nodeServer, nodeClient)
    client.resume()
    ended = once(client, "end")
    failed: Deferred[Any] = Deferred()
    near.send("take this", connection, failed.callback)
    connection.destroy()
    theirs.close()
    assert isinstance(await failed, ERR_IPC_CHANNEL_CLOSED)
    await ended


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


async def test_a_socket_without_a_connection_stays_behind() -> None:
    ends = Ends()
    for handle in net.Socket(), net.createServer():
        assert await ends.carry(handle) is None
    await ends.close()


async def test_what_cannot_be_sent_is_refused() -> None:
    ends = Ends()
    for handle in {}, 5, "text", object():
        with pytest.raises(ERR_INVALID_HANDLE_TYPE):
            ends.near.send("take this", handle)
    with pytest.raises(ERR_INVALID_ARG_TYPE, match='"options" argument'):
        ends.near.send("take this", None, 5)  # type: ignore[arg-type]
    await ends.close()


async def test_a_message_that_json_cannot_say_leaves_its_handle(
    nodeServer: Server, nodeClient: Client
) -> None:
    ends = Ends()
    _, connection, client = await connected(nodeServer, nodeClient)
    before = descriptors()
    with pytest.raises(ERR_INVALID_ARG_TYPE, match='"message" argument'):
        ends.near.send(b"bytes", connection)
    assert descriptors() == before
    connection.end("still here")
    assert (await once(client, "data"))[0] == b"still here"
    await ends.close()


async def test_bytes_that_wait_to_leave_stay_in_their_order(
    nodeServer: Server, nodeClient: Client
) -> None:
    ends = Ends()
    _, connection, client = await connected(nodeServer, nodeClient)
    client.pause()
    while connection.write(b"x" * 1_000_000):
        pass
    with pytest.raises(ERR_INVALID_STATE, match="wait to be sent"):
        ends.near.send("take this", connection)
    drained = once(connection, "drain")
    client.resume()
    await drained
    got = await ends.carry(connection)
    got.destroy()
    await ends.close()


async def test_half_a_character_is_not_torn(nodeServer: Server, nodeClient: Client) -> None:
    ends = Ends()
    _, connection, client = await connected(nodeServer, nodeClient)
    connection.setEncoding("utf8")
    arrived = once(connection, "readable")
    client.write("text and half of \u00fc".encode()[:-1])
    await arrived
    with pytest.raises(ERR_INVALID_STATE, match="text of the socket"):
        ends.near.send("take this", connection)
    connection.destroy()
    await ends.close()


async def test_what_nobody_listens_for_is_closed(nodeServer: Server, nodeClient: Client) -> None:
    ends = Ends()
    server, connection, client = await connected(nodeServer, nodeClient)
    client.resume()
    ended = once(client, "end")
    ends.near.send("nobody", connection)
    ends.near.send("nobody", server)
    await ended
    await ends.close()


@pytest.mark.parametrize("kind", ["net.Socket", "net.Server", "udp6", "nothing"])
async def test_what_cannot_be_made_of_a_socket_leaves_it_closed(kind: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wrong:
        with pytest.raises((OSError, TypeError, LookupError)):
            await unpack(pollerOf(), {"kind": kind}, wrong)
        assert wrong.fileno() == -1


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
