"""Unix datagram sockets: nodenet's own, with the calls of the others and paths for addresses."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from twisted.internet.defer import Deferred

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


@pytest.mark.parametrize("path", ["x" * 108, "x\0y", "\ud800"], ids=["long", "NUL", "surrogate"])
async def test_a_path_that_cannot_be_one_is_refused(sockets, sent, path):
    socket = sockets("unix_dgram")
    socket.bind(path)
    with pytest.raises(OSError, match="bind EINVAL"):
        await events.once(socket, "listening")
    error, _ = await sent(socket, "x", path)
    assert error.code == "EINVAL"
    socket.connect(path)
    with pytest.raises(OSError, match="connect EINVAL"):
        await events.once(socket, "connect")


async def test_a_path_that_has_become_anothers_is_left_to_it(sockets, socketPath):
    first = await bound(sockets, socketPath("name"))
    os.unlink(socketPath("name"))
    await bound(sockets, socketPath("name"))
    first.close()
    assert os.path.exists(socketPath("name"))


async def test_what_waits_goes_where_it_was_sent_to_whoever_is_the_peer_then(sockets, socketPath):
    one = await bound(sockets, socketPath("one"))
    two = await bound(sockets, socketPath("two"))
    client = sockets("unix_dgram")
    errors: list[Any] = []
    for index in range(100):
        client.send(b"%d" % index, socketPath("one"), lambda error, _: errors.append(error))
    await events.once(client, "listening")
    await events.once(sockets().close(), "close")
    assert client.getSendQueueCount()
    client.connect(socketPath("two"))
    await events.once(client, "connect")
    client.send("to two")
    heard = [int((await events.once(one, "message"))[0]) for _ in range(100)]
    assert heard == list(range(100))
    assert (await events.once(two, "message"))[0] == b"to two"
    assert errors == [None] * 100


async def test_what_waits_for_a_peer_that_is_gone_is_refused(sockets, socketPath):
    await bound(sockets, socketPath("server"))
    client = sockets("unix_dgram")
    client.connect(socketPath("server"))
    await events.once(client, "connect")
    errors: list[Any] = []
    told: Deferred[None] = Deferred()

    def called(error, _):
        errors.append(error)
        if len(errors) == 100:
            told.callback(None)

    for _ in range(100):
        client.send("x", called)
    await events.once(sockets().close(), "close")
    waiting = client.getSendQueueCount()
    assert waiting
    client.disconnect()
    await told
    assert [error.code for error in errors if error] == ["ENOTCONN"] * waiting
