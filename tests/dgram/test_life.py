"""What goes wrong while a socket is being bound or connected, beyond Node: it can always go on."""

from __future__ import annotations

import errno
import socket

import pytest
from twisted.internet.defer import Deferred

from nodenet import dgram, events
from nodenet.errors import (
    ERR_SOCKET_BUFFER_SIZE,
    ERR_SOCKET_DGRAM_NOT_CONNECTED,
    ERR_SOCKET_DGRAM_NOT_RUNNING,
)
from nodenet.transports import udp_control


class Refusal(Exception):
    """What the tests raise."""


def refuse(*_):
    raise Refusal("refused")


async def test_what_failed_to_be_bound_can_be_connected_later(sockets):
    results = []
    socket = sockets()
    socket.on("error", lambda error: results.append(error.code))
    socket.bind(0, "192.0.2.1")
    socket.connect(9, "127.0.0.1", lambda error: results.append(error.code))
    await events.once(sockets().close(), "close")
    assert results == ["EADDRNOTAVAIL", "EADDRNOTAVAIL"]
    assert socket.listenerCount("listening") == socket.listenerCount("connect") == 0
    socket.connect(9, "127.0.0.1")
    await events.once(socket, "connect")
    assert socket.remoteAddress().port == 9


async def test_an_error_listener_can_connect_again_at_once(sockets):
    socket = sockets()
    connected: Deferred[None] = Deferred()

    @socket.once("error")
    def failed(error):
        socket.connect(9, "127.0.0.1", lambda: connected.callback(None))

    socket.bind(0, "192.0.2.1")
    socket.connect(9, "127.0.0.1", lambda _: None)
    await connected


async def test_a_listener_that_raises_costs_nobody_what_waits(sockets, guard):
    results = []
    socket = sockets()
    socket.on("listening", refuse)
    socket.send("x", 9, "127.0.0.1", lambda *result: results.append(result))
    socket.close()
    await events.once(socket, "close")
    assert len(guard.flushLoggedErrors(Refusal)) == 1
    assert [error.code for error, _ in results] == ["ECANCELED"]


async def test_a_buffer_size_that_is_refused_costs_nobody_what_waits(sockets, guard, sent):
    socket = sockets(recvBufferSize=2**32 - 1)
    assert await sent(socket, "x", 9, "127.0.0.1") == (None, 1)
    assert len(guard.flushLoggedErrors(ERR_SOCKET_BUFFER_SIZE)) == 1


async def test_a_look_up_that_raises_leaves_the_socket_as_it_was(sockets):
    answers: list[str] = []

    def lookup(host, family, found):
        if not answers:
            refuse()
        found(None, answers.pop(), 4)

    socket = sockets("udp4", lookup=lookup)
    for call in (
        lambda: socket.bind(0, refuse),
        lambda: socket.send("x", 9, "127.0.0.1", refuse),
        lambda: socket.connect(9, "127.0.0.1", refuse),
    ):
        with pytest.raises(Refusal):
            call()
        assert not socket.eventNames()
    answers[:] = ["127.0.0.1", "127.0.0.1"]
    socket.connect(9, "127.0.0.1")
    await events.once(socket, "connect")
    socket.disconnect()
    with pytest.raises(Refusal):
        socket.connect(9, "127.0.0.1", refuse)
    with pytest.raises(ERR_SOCKET_DGRAM_NOT_CONNECTED):
        socket.disconnect()
    assert not socket.eventNames()


async def test_a_look_up_that_raises_is_an_error_of_what_waited(sockets):
    results, answers = [], []

    def lookup(host, family, found):
        if host != "0.0.0.0":
            refuse()
        answers.append(found)

    socket = sockets("udp4", lookup=lookup)
    socket.send("x", 9, "one", lambda *result: results.append(result))
    socket.send("x", 9, "two", lambda *result: results.append(result))
    answers[0](None, "127.0.0.1", 4)
    await events.once(sockets().close(), "close")
    assert [str(error) for error, _ in results] == ["refused", "refused"]


async def test_a_callback_of_connect_that_is_none_is_refused_at_once(sockets):
    socket = sockets()
    with pytest.raises(TypeError, match="listener"):
        socket.connect(9, "127.0.0.1", "x")
    socket.connect(9, "127.0.0.1")
    await events.once(socket, "connect")


async def test_disconnecting_a_closed_socket_is_refused(sockets):
    socket = await sockets.connected(await sockets.bound())
    socket.close()
    with pytest.raises(ERR_SOCKET_DGRAM_NOT_RUNNING):
        socket.disconnect()


def test_a_closed_socket_is_told_from_one_without_a_peer():
    with pytest.raises(ERR_SOCKET_DGRAM_NOT_CONNECTED):
        dgram.createSocket("udp4").close().disconnect()


def test_a_descriptor_of_the_other_family_is_refused_and_stays_open(sockets):
    made = sockets("udp6")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        with pytest.raises(OSError, match="open EINVAL"):
            made.bind(fd=mine.fileno())
        assert mine.getsockname() == ("0.0.0.0", 0)
    made.bind()


def test_a_descriptor_that_cannot_tell_what_is_asked_is_refused(sockets, monkeypatch):
    def nowhere():
        raise OSError(errno.ENOTSUP, "only on Linux")

    made = sockets(packetInfo=True)
    with monkeypatch.context() as elsewhere, socket.socket(type=socket.SOCK_DGRAM) as skt:
        elsewhere.setattr(udp_control, "_linux", nowhere)
        with pytest.raises(OSError, match="open ENOTSUP"):
            made.bind({"fd": skt.detach()}, lambda: None)
    assert not made.eventNames()
    made.bind()
