"""Twisted's DatagramProtocols on nodenet's UDP port."""

from __future__ import annotations

import socket

import pytest
from machine import NEEDS_IPV6
from twisted.internet import error, interfaces
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.names import client, dns, hosts, server
from zope.interface.verify import verifyObject

from nodenet import loop
from nodenet.testing import Network
from nodenet.transports.udp_port import UDPPort, listenUDP


class Recorder(DatagramProtocol):
    """Keeps what it hears; ``await recorder.heard(n)``."""

    def __init__(self):
        self.datagrams = []
        self.events = []
        self._waiting = []

    def startProtocol(self):
        self.events.append("start")

    def stopProtocol(self):
        self.events.append("stop")

    def datagramReceived(self, datagram, addr):
        self.datagrams.append((datagram, addr))
        self._told()

    def connectionRefused(self):
        self.events.append("refused")
        self._told()

    def until(self, condition):
        done: Deferred[None] = Deferred()
        self._waiting.append((condition, done))
        self._told()
        return done

    def heard(self, count):
        return self.until(lambda: len(self.datagrams) >= count)

    def _told(self):
        ready = [one for one in self._waiting if one[0]()]
        self._waiting = [one for one in self._waiting if one not in ready]
        for _, done in ready:
            loop.queueMicrotask(done.callback, None)  # when the handler has returned


@pytest.fixture(params=["kernel", "memory"])
def listen(request):
    """Makes ports, of the kernel and of a fake host, and closes them."""
    host = Network().host("192.0.2.1", "2001:db8::1")
    open_port = {"kernel": listenUDP, "memory": host.listenUDP}[request.param]
    ports = []

    def make(protocol=None, interface="127.0.0.1", port=0, **options):
        ports.append(open_port(port, protocol or Recorder(), interface, **options))
        return ports[-1]

    yield make
    for port in ports:
        port.stopListening()


def addressOf(port):
    host = port.getHost()
    return host.host, host.port


def test_it_provides_twisteds_interfaces(listen):
    port = listen()
    assert verifyObject(interfaces.IUDPTransport, port)
    assert verifyObject(interfaces.IMulticastTransport, port)
    assert verifyObject(interfaces.IListeningPort, port)
    assert port.getHost().type == "UDP"


@pytest.mark.parametrize("interface", ["127.0.0.1", pytest.param("::1", marks=NEEDS_IPV6)])
async def test_datagrams_go_both_ways_with_twisteds_addresses(listen, interface):
    one, two = listen(interface=interface), listen(interface=interface)
    one.write(b"question", addressOf(two))
    await two.protocol.heard(1)
    datagram, sender = two.protocol.datagrams[0]
    assert (datagram, sender) == (b"question", addressOf(one))
    two.writeSequence([b"an", b"swer"], sender)
    await one.protocol.heard(1)
    assert one.protocol.datagrams == [(b"answer", addressOf(two))]


async def test_no_datagram_is_cut(listen):
    one, two = listen(), listen()
    two.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    one.write(b"x" * 65_507, addressOf(two))
    await two.protocol.heard(1)
    assert two.protocol.datagrams[0][0] == b"x" * 65_507


async def test_a_protocol_that_raises_when_it_is_refused_sends_nothing_twice(listen, guard):
    peer = listen()
    place = addressOf(peer)

    class Failing(Recorder):
        def connectionRefused(self):
            super().connectionRefused()
            raise RuntimeError("refused")

    port = listen(Failing())
    port.connect(*place)
    await peer.stopListening()
    port.write(b"one")
    loop.nextTick(port.write, b"two")  # before anything is read: the error is one of sending
    await port.protocol.until(lambda: "refused" in port.protocol.events)
    listener = listen(port=place[1])
    port.write(b"three")
    await listener.protocol.heard(1)
    assert listener.protocol.datagrams == [(b"three", addressOf(port))]
    assert guard.flushLoggedErrors(RuntimeError)


async def test_stopping_sends_what_was_written_and_stops_the_protocol_once(listen):
    one, two = listen(), listen()
    one.write(b"last words", addressOf(two))
    stopped = one.stopListening()
    assert one.protocol.events == ["start"]
    assert one.stopListening() is stopped
    await stopped
    assert one.protocol.events == ["start", "stop"]
    await two.protocol.heard(1)
    assert two.protocol.datagrams[0][0] == b"last words"


async def test_a_connected_port_hears_of_refusal_and_goes_on(listen):
    dead = listen()
    where = addressOf(dead)
    await dead.stopListening()
    port = listen()
    port.connect(*where)
    port.write(b"anybody?")
    await port.protocol.until(lambda: port.protocol.events.count("refused") == 1)
    port.write(b"really?", where)
    await port.protocol.until(lambda: port.protocol.events.count("refused") == 2)


async def test_a_disconnected_port_sends_to_anybody_again(listen):
    one, two = listen(), listen()
    one.connect(*addressOf(two))
    with pytest.raises(RuntimeError):
        one.connect(*addressOf(two))
    one.disconnect()
    one.write(b"x", addressOf(two))
    await two.protocol.heard(1)


async def test_what_cannot_be_sent_is_refused_at_once(listen):
    port = listen()
    with pytest.raises(error.MessageLengthError):
        port.write(b"x" * 65_508, ("127.0.0.1", 9))
    with pytest.raises(error.InvalidAddressError):
        port.write(b"x", ("localhost", 9))
    with pytest.raises(error.InvalidAddressError):
        port.write(b"x", ("::1", 9))
    with pytest.raises(OverflowError, match="port must be 0-65535, not 65536"):
        port.write(b"x", ("127.0.0.1", 65_536))
    with pytest.raises(error.InvalidAddressError):
        port.connect("localhost", 9)
    port.connect("127.0.0.1", 9)
    with pytest.raises(ValueError, match="connected to"):
        port.write(b"x", ("127.0.0.1", 10))


def test_a_port_that_has_never_listened_cannot_be_stopped():
    port = UDPPort(Recorder(), 0)
    for _ in range(2):
        with pytest.raises(OSError, match="EBADF"):
            port.stopListening()


def test_a_taken_port_is_a_CannotListenError_in_nodes_words(listen):
    taken = listen()
    with pytest.raises(error.CannotListenError, match="bind EADDRINUSE") as caught:
        listen(port=taken.getHost().port)
    assert isinstance(caught.value, OSError)


async def test_a_protocol_that_raises_loses_only_that_datagram(listen, flushLoggedErrors):
    class Raising(Recorder):
        def datagramReceived(self, datagram, addr):
            super().datagramReceived(datagram, addr)
            raise RuntimeError("boom")

    one, two = listen(), listen(Raising())
    for _ in range(3):
        one.write(b"x", addressOf(two))
    await two.protocol.heard(3)
    assert len(flushLoggedErrors(RuntimeError)) == 3


async def test_closing_in_a_handler_ends_the_batch(listen):
    class Closing(Recorder):
        def datagramReceived(self, datagram, addr):
            super().datagramReceived(datagram, addr)
            self.transport.stopListening()

    one, two = listen(), listen(Closing())
    for _ in range(20):
        one.write(b"x", addressOf(two))
    await two.protocol.until(lambda: two.protocol.datagrams)
    assert len(two.protocol.datagrams) == 1


@NEEDS_IPV6
def test_multicast_settings_of_both_families(listen):
    for interface in ("127.0.0.1", "::1"):
        port = listen(interface=interface)
        port.setTTL(7)
        port.setLoopbackMode(False)
        port.setBroadcastAllowed(True)
        assert port.getTTL() == 7
        assert port.getLoopbackMode() is False
        assert port.getBroadcastAllowed() is True


@NEEDS_IPV6
async def test_the_outgoing_interface(listen):
    port = listen()
    assert await port.setOutgoingInterface("127.0.0.1") == 1
    assert port.getOutgoingInterface() == "127.0.0.1"
    assert await port.setOutgoingInterface("8.8.8.8") == 0
    six = listen(interface="::1")
    index = socket.if_nametoindex("lo")
    assert await six.setOutgoingInterface(index) == 1
    assert six.getOutgoingInterface() == index


async def test_groups_are_joined_and_left(listen):
    receiver, sender = listen(interface="0.0.0.0"), listen()
    await receiver.joinGroup("224.0.0.117", "127.0.0.1")
    await sender.setOutgoingInterface("127.0.0.1")
    sender.write(b"to all", ("224.0.0.117", receiver.getHost().port))
    await receiver.protocol.heard(1)
    await receiver.leaveGroup("224.0.0.117", "127.0.0.1")
    with pytest.raises(error.MulticastJoinError):
        await receiver.leaveGroup("224.0.0.117", "127.0.0.1")


async def test_ipv6_groups_too(listen):
    receiver = listen(interface="::")
    index = socket.if_nametoindex("lo")
    await receiver.joinGroup("ff02::117", "lo")
    await receiver.leaveGroup("ff02::117", index)
    await receiver.joinGroup("ff02::117", f"::%{index}")
    with pytest.raises(error.MulticastJoinError):
        await receiver.joinGroup("ff02::117", index)


async def test_twisteds_dns_server_and_client_run_on_it(listen, tmp_path):
    known = tmp_path / "hosts"
    known.write_text("192.0.2.7 www.example.test\n")
    factory = server.DNSServerFactory(clients=[hosts.Resolver(str(known).encode())])
    port = listen(dns.DNSDatagramProtocol(factory))

    class Resolver(client.Resolver):
        def _connectedProtocol(self, interface=""):
            return listen(dns.DNSDatagramProtocol(self)).protocol

    answers, _, _ = await Resolver(servers=[addressOf(port)]).lookupAddress("www.example.test")
    assert answers[0].payload.dottedQuad() == "192.0.2.7"


def test_its_repr_says_what_runs_where(listen):
    port = listen()
    kind = type(port).__name__
    assert repr(port) == f"<{kind} of Recorder, 127.0.0.1:{port.getHost().port}>"
    unstarted = UDPPort(Recorder(), 0)
    assert repr(unstarted) == "<UDPPort of Recorder, not listening>"
