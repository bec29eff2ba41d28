"""A dgram.Socket on Twisted's own UDP ports and on transports that are no sockets at all."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor as installed
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from nodenet import dgram, events
from nodenet.errors import ERR_SOCKET_ALREADY_BOUND, ERR_SOCKET_DGRAM_NOT_RUNNING

reactor: Any = installed


async def linked(sockets, interface="127.0.0.1", type="udp4"):
    socket = sockets(type)
    port = reactor.listenUDP(0, dgram.DatagramLink(socket), interface=interface)
    await events.once(socket, "listening")
    return socket, port


@pytest.mark.parametrize(
    ("type", "interface", "family"), [("udp4", "127.0.0.1", "IPv4"), ("udp6", "::1", "IPv6")]
)
async def test_it_talks_through_twisteds_port(sockets, sent, type, interface, family):
    socket, port = await linked(sockets, interface, type)
    peer = await sockets.bound(type)
    assert socket.address() == (interface, family, port.getHost().port)
    assert await sent(socket, "question", peer.address().port, interface) == (None, 8)
    msg, rinfo = await events.once(peer, "message")
    assert (msg, rinfo.port) == (b"question", port.getHost().port)
    peer.send("answer", rinfo.port, rinfo.address)
    msg, rinfo = await events.once(socket, "message")
    assert (msg, rinfo) == (b"answer", (interface, family, peer.address().port, 6))


async def test_what_is_sent_before_there_is_a_transport_waits_for_it(sockets):
    peer = await sockets.bound()
    socket = sockets()
    link = dgram.DatagramLink(socket)
    socket.send("early", peer.address().port, "127.0.0.1")
    with pytest.raises(ERR_SOCKET_ALREADY_BOUND):
        socket.bind(0)
    reactor.listenUDP(0, link, interface="127.0.0.1")
    msg, _ = await events.once(peer, "message")
    assert msg == b"early"


async def test_closing_the_socket_stops_the_port(sockets):
    stopped: Deferred[None] = Deferred()

    class Link(dgram.DatagramLink):
        def stopProtocol(self):
            super().stopProtocol()
            stopped.callback(None)

    socket = sockets()
    reactor.listenUDP(0, Link(socket), interface="127.0.0.1")
    await events.once(socket, "listening")
    socket.close()
    await events.once(socket, "close")
    await stopped


async def test_stopping_the_port_closes_the_socket(sockets):
    socket, port = await linked(sockets)
    closed = events.once(socket, "close")
    await port.stopListening()
    await closed
    with pytest.raises(ERR_SOCKET_DGRAM_NOT_RUNNING):
        socket.send("x", 9)


async def test_it_connects_as_far_as_the_transport_can(sockets):
    peer = await sockets.bound()
    socket, _ = await linked(sockets)
    socket.connect(peer.address().port, "127.0.0.1")
    await events.once(socket, "connect")
    assert socket.remoteAddress() == peer.address()
    socket.send("to the peer")
    assert (await events.once(peer, "message"))[0] == b"to the peer"
    with pytest.raises(OSError, match="ENOTSUP"):
        socket.disconnect()


async def test_its_settings_are_those_of_twisteds_socket(sockets):
    socket = sockets()
    port = reactor.listenMulticast(0, dgram.DatagramLink(socket), interface="127.0.0.1")
    await events.once(socket, "listening")
    socket.setMulticastTTL(7)
    assert port.getTTL() == 7
    assert socket.getRecvBufferSize() > 0


async def test_errors_of_the_transport_have_nodes_words(sockets, sent):
    socket, _ = await linked(sockets)
    error, size = await sent(socket, bytes(65_508), 9, "127.0.0.1")
    assert (str(error), size) == ("send EMSGSIZE 127.0.0.1:9", None)


async def test_a_transport_of_the_other_family_refuses(sockets, sent):
    socket, _ = await linked(sockets, type="udp6")
    one, two = sent(socket, "one", 9, "::1"), sent(socket, "two", 9, "::1")
    for error, _ in (await one, await two):
        assert str(error) == "send EINVAL ::1:9"


async def test_a_transport_that_fails_is_an_error_of_what_was_sent(sockets, sent, guard):
    class Broken(Wire):
        def write(self, packet, addr=None):
            raise RuntimeError("broken")

        connect = write

    socket = sockets()
    dgram.DatagramLink(socket).makeConnection(Broken())
    await events.once(socket, "listening")
    error, _ = await sent(socket, "x", 9, "192.0.2.2")
    assert str(error) == "send EIO 192.0.2.2:9"
    socket.connect(9, "192.0.2.2")
    with pytest.raises(OSError, match="connect EIO"):
        await events.once(socket, "connect")
    assert len(guard.flushLoggedErrors(RuntimeError)) == 2


@implementer(IUDPTransport)
class Wire:
    """A transport that is no socket: what is written is kept."""

    def __init__(self, refusals=0):
        self.written = []
        self.stopped = False
        self.refusals = refusals

    def write(self, packet, addr=None):
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError(11, "full")
        if len(packet) > 10:
            raise MessageLengthError("too long")
        self.written.append((packet, addr))

    def getHost(self):
        return IPv4Address("UDP", "192.0.2.1", 7)

    def stopListening(self):
        self.stopped = True

    def connect(self, host, port):
        self.written.append((host, port))

    def setBroadcastAllowed(self, enabled):
        """It is none of its business."""

    def getBroadcastAllowed(self):
        return False


async def test_any_transport_will_do(sockets, sent):
    socket, wire = sockets(), Wire()
    link = dgram.DatagramLink(socket)
    link.makeConnection(wire)
    await events.once(socket, "listening")
    assert socket.address() == ("192.0.2.1", "IPv4", 7)
    assert await sent(socket, "x", 9, "192.0.2.2") == (None, 1)
    assert wire.written == [(b"x", ("192.0.2.2", 9))]
    heard = events.once(socket, "message")
    link.datagramReceived(b"y", ("192.0.2.2", 9))
    assert (await heard)[1] == ("192.0.2.2", "IPv4", 9, 1)
    with pytest.raises(OSError, match="setTTL ENOTSUP"):
        socket.setTTL(5)
    socket.close()
    assert wire.stopped


async def test_a_refusal_that_the_transport_reports_is_an_error_event(sockets):
    socket = sockets()
    link = dgram.DatagramLink(socket)
    link.makeConnection(Wire())
    await events.once(socket, "listening")
    failed = events.once(socket, "error")
    link.connectionRefused()
    assert (await failed)[0].code == "ECONNREFUSED"


async def test_a_transport_that_is_full_is_tried_again(sockets, sent):
    socket, wire = sockets(), Wire(refusals=2)
    dgram.DatagramLink(socket).makeConnection(wire)
    await events.once(socket, "listening")
    one, two = sent(socket, "one", 9, "192.0.2.2"), sent(socket, "two", 9, "192.0.2.2")
    assert await two == (None, 3)
    assert one.called
    assert [packet for packet, _ in wire.written] == [b"one", b"two"]


def test_a_link_is_a_protocol_of_twisteds(sockets):
    socket = sockets()
    assert isinstance(dgram.DatagramLink(socket), DatagramProtocol)
    socket.close()
    with pytest.raises(ERR_SOCKET_DGRAM_NOT_RUNNING):
        dgram.DatagramLink(socket)
