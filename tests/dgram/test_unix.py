"""Unix datagram sockets: nodenet's own, with the calls of the others and paths for addresses."""

from __future__ import annotations

import os
import sys

import pytest

from nodenet import dgram, events
from nodenet.errors import ERR_INVALID_ARG_TYPE

linux = pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")


async def bound(sockets, path):
    socket = sockets("unix_dgram")
    socket.bind(path)
    await events.once(socket, "listening")
    return socket


async def test_datagrams_go_both_ways(sockets, sent, socketPath):
    server = await bound(sockets, socketPath("server"))
    client = await bound(sockets, socketPath("client"))
    assert server.address() == socketPath("server")
    assert await sent(client, "question", socketPath("server")) == (None, 8)
    msg, rinfo = await events.once(server, "message")
    assert (msg, rinfo) == (b"question", (socketPath("client"), "Unix", 0, 8))
    server.send("answer", rinfo.address)
    msg, rinfo = await events.once(client, "message")
    assert (msg, rinfo.address) == (b"answer", socketPath("server"))


@linux
async def test_a_socket_that_only_sends_can_be_answered(sockets, socketPath):
    server = await bound(sockets, socketPath("server"))
    client = sockets("unix_dgram")
    client.send("question", socketPath("server"))
    _, rinfo = await events.once(server, "message")
    assert rinfo.address.startswith("\0")
    server.send("answer", rinfo.address)
    assert (await events.once(client, "message"))[0] == b"answer"


@linux
async def test_abstract_names(sockets):
    name = f"\0nodenet-{os.getpid()}"
    server = await bound(sockets, name)
    assert server.address() == name
    client = sockets("unix_dgram")
    client.send("x", name)
    assert (await events.once(server, "message"))[0] == b"x"


async def test_no_datagram_is_cut_however_long(sockets, socketPath):
    server = await bound(sockets, socketPath("server"))
    client = sockets("unix_dgram", sendBufferSize=400_000)
    client.send(b"x" * 150_000, socketPath("server"))
    client.send(b"", socketPath("server"))
    assert (await events.once(server, "message"))[1].size == 150_000
    assert (await events.once(server, "message"))[1].size == 0


async def test_connected(sockets, sent, socketPath):
    server = await bound(sockets, socketPath("server"))
    client = sockets("unix_dgram")
    client.connect(socketPath("server"))
    await events.once(client, "connect")
    assert client.remoteAddress() == socketPath("server")
    assert await sent(client, "x") == (None, 1)
    assert (await events.once(server, "message"))[0] == b"x"


async def test_the_path_is_removed_on_closing(sockets, socketPath):
    server = await bound(sockets, socketPath("server"))
    assert os.path.exists(socketPath("server"))
    server.close()
    await events.once(server, "close")
    assert not os.path.exists(socketPath("server"))


async def test_errors_name_the_path(sockets, sent, socketPath):
    server = await bound(sockets, socketPath("server"))
    other = sockets("unix_dgram")
    other.bind(socketPath("server"))
    with pytest.raises(OSError, match="bind EADDRINUSE"):
        await events.once(other, "listening")
    error, _ = await sent(server, "x", socketPath("nobody"))
    assert str(error) == f"send ENOENT {socketPath('nobody')}"
    with pytest.raises(ERR_INVALID_ARG_TYPE):
        server.send("x", 5)


async def test_a_full_receiver_makes_the_sender_wait_and_nothing_is_lost(sockets, take, socketPath):
    server = await bound(sockets, socketPath("server"))
    client = sockets("unix_dgram")
    client.connect(socketPath("server"))
    await events.once(client, "connect")
    sizes = []
    for index in range(2000):
        client.send(b"%d" % index, lambda error, size: sizes.append((error, size)))
    assert [int(msg) for msg in await take(server, 2000)] == list(range(2000))
    assert client.getSendQueueCount() == client.getSendQueueSize() == 0


async def test_an_unconnected_sender_waits_too(sockets, take, socketPath):
    server = await bound(sockets, socketPath("server"))
    client = sockets("unix_dgram")
    for index in range(2000):
        client.send(b"%d" % index, socketPath("server"))
    assert [int(msg) for msg in await take(server, 2000)] == list(range(2000))


def test_its_repr_shows_the_path(sockets):
    assert repr(dgram.createSocket("unix_dgram")) == "<Socket unix_dgram unbound>"
