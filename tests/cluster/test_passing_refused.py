"""Sockets that cannot be sent, do not arrive or are used on their way: nothing of them is lost."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from cluster.processes import Client, Ends, Server, connected, process
from descriptors import descriptors
from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.cluster._passing import unpack
from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_INVALID_HANDLE_TYPE,
    ERR_INVALID_STATE,
    ERR_IPC_CHANNEL_CLOSED,
    ERR_SOCKET_CLOSED,
)
from nodenet.events import once
from nodenet.loop import pollerOf


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
    near = process(ours)
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
    near = process(ours)
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
    near = process(ours)
    _, connection, client = await connected(nodeServer, nodeClient)
    client.resume()
    ended = once(client, "end")
    failed: Deferred[Any] = Deferred()
    near.send("take this", connection, failed.callback)
    connection.destroy()
    theirs.close()
    assert isinstance(await failed, ERR_IPC_CHANNEL_CLOSED)
    await ended


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
