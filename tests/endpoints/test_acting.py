"""Every option of a string acts for Twisted's protocols too, or is refused."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from machine import NEEDS_IPV6
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from zope.interface import implementer

from nodenet import dgram
from nodenet.endpoints import (
    EndpointStringError,
    TCPServerEndpoint,
    UDPServerEndpoint,
    clientFromString,
    datagramServerFromString,
    parse,
    serverFromString,
)
from nodenet.errors import ERR_INVALID_ARG_VALUE, ERR_IP_BLOCKED
from nodenet.events import once
from nodenet.loop import openHandles


class Kept(Factory):
    """Fires `connected` with its first protocol."""

    def __init__(self) -> None:
        self.connected: Deferred[Any] = Deferred()
        self.made: list[Protocol] = []

    def buildProtocol(self, addr: Any) -> Protocol:
        made = Recording(self.connected)
        self.made.append(made)
        return made


class Recording(Protocol):
    def __init__(self, connected: Deferred[Any]) -> None:
        self.connected_ = connected
        self.heard: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        if not self.connected_.called:
            self.connected_.callback(self)

    def dataReceived(self, data: bytes) -> None:
        self.heard.callback(data)


async def connection(server: str, client: str = "tcp:127.0.0.1:PORT") -> tuple[Any, Any, Any]:
    """A port, the protocol of its first connection, and that of who connected."""
    factory = Kept()
    port: Any = await serverFromString(reactor, server).listen(factory)
    where = client.replace("PORT", str(port.getHost().port))
    dialled = await connectProtocol(clientFromString(reactor, where), Recording(Deferred()))
    return port, await factory.connected, dialled


async def ended(port: Any, *protocols: Any) -> None:
    for protocol in (*protocols, *port.factory.made):
        protocol.transport.abortConnection()
    await port.stopListening()


TUNED = "keepAlive=yes:keepAliveInitialDelay=7000:keepAliveInterval=3000:keepAliveCount=4"


async def test_both_ends_are_tuned() -> None:
    port, accepted, dialled = await connection(
        f"tcp:0:interface=127.0.0.1:noDelay=yes:{TUNED}:userTimeout=9000:typeOfService=16",
        f"tcp:127.0.0.1:PORT:noDelay=yes:{TUNED}:userTimeout=9000:typeOfService=16",
    )
    for protocol in (accepted, dialled):
        skt = protocol.transport.getHandle()
        options = ("NODELAY", "KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
        found = [
            skt.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}")) for name in options
        ]
        assert found == [1, 7, 3, 4, 9000]
        assert skt.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 16
    await ended(port, dialled)


async def test_a_delay_without_end_is_none() -> None:
    endless = "keepAlive=yes:keepAliveInitialDelay=1e400"
    port, accepted, dialled = await connection(f"tcp:0:interface=127.0.0.1:{endless}")
    assert accepted.transport.getTcpKeepAlive()
    await ended(port, dialled)


async def test_a_connection_that_is_paused_reads_when_it_is_resumed() -> None:
    port, accepted, dialled = await connection("tcp:0:interface=127.0.0.1:pauseOnConnect=yes")
    dialled.transport.write(b"hello")
    second = await connectProtocol(
        clientFromString(reactor, f"tcp:127.0.0.1:{port.getHost().port}"), Recording(Deferred())
    )
    assert not accepted.heard.called
    accepted.transport.resumeProducing()
    assert await accepted.heard == b"hello"
    await ended(port, dialled, second)


@implementer(IPushProducer)
class Producer:
    def __init__(self) -> None:
        self.paused: Deferred[None] = Deferred()

    def pauseProducing(self) -> None:
        if not self.paused.called:
            self.paused.callback(None)

    def resumeProducing(self) -> None:
        """It waits for nothing."""

    def stopProducing(self) -> None:
        """It has nothing to stop."""


@pytest.mark.parametrize(("mark", "pauses"), [(1000, True), (2**31, False)])
async def test_the_high_water_mark_is_where_a_producer_is_paused(mark: int, pauses: bool) -> None:
    port, accepted, dialled = await connection(
        f"tcp:0:interface=127.0.0.1:highWaterMark={mark}", "tcp:127.0.0.1:PORT"
    )
    dialled.transport.pauseProducing()
    producer = Producer()
    accepted.transport.registerProducer(producer, True)
    accepted.transport.write(bytes(30_000_000))
    sent: Deferred[None] = Deferred()
    reactor.callLater(0, reactor.callLater, 0, sent.callback, None)
    await sent
    assert producer.paused.called is pauses
    await ended(port, dialled)


@pytest.mark.parametrize("where", ["tcp:0:interface=127.0.0.1", "unix:@nodenet-half-open"])
async def test_half_open_is_what_a_protocol_says_itself(where: str) -> None:
    with pytest.raises(ERR_INVALID_ARG_VALUE, match="'allowHalfOpen' is for Node's servers"):
        await serverFromString(reactor, f"{where}:allowHalfOpen=yes").listen(Kept())


async def test_a_node_server_takes_them_all() -> None:
    endpoint = parse(
        "tcp:0:interface=127.0.0.1:allowHalfOpen=yes:pauseOnConnect=yes:highWaterMark=5:"
        "maxConnections=3:dropMaxConnection=yes"
    )
    assert isinstance(endpoint, TCPServerEndpoint)
    server = endpoint.serve(lambda _: None)
    assert (server.allowHalfOpen, server.pauseOnConnect, server.highWaterMark) == (True, True, 5)
    assert (server.maxConnections, server.dropMaxConnection) == (3, True)
    server.close()
    await once(server, "close")


def test_every_choice_of_a_family_has_its_word() -> None:
    for word, value in {"yes": True, "no": False, "race": "race"}.items():
        endpoint: Any = clientFromString(reactor, f"tcp:a:1:autoSelectFamily={word}")
        assert endpoint.options["autoSelectFamily"] == value
        assert str(endpoint) == f"tcp:a:1:autoSelectFamily={word}"


# -- datagrams ------------------------------------------------------------------------------


class Hearing(DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.last: Deferred[None] = Deferred()

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        self.heard.append(data)
        if data == b"last":
            self.last.callback(None)


async def say(port: Any, data: bytes, address: str) -> None:
    """Send from `address`."""
    client = dgram.createSocket("udp4").bind(0, address)
    await once(client, "listening")
    sent: Deferred[None] = Deferred()
    client.send(data, port.getHost().port, "127.0.0.1", lambda *_: sent.callback(None))
    await sent
    client.close()


async def test_a_descriptor_for_a_datagram_protocol() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as skt:
        skt.bind(("127.0.0.1", 0))
        fd = skt.detach()
    protocol = Hearing()
    port: Any = await datagramServerFromString(reactor, f"udp:fd={fd}:ttl=9").listen(protocol)
    assert port.getHandle().getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 9
    await say(port, b"last", "127.0.0.1")
    await protocol.last
    await port.stopListening()


@NEEDS_IPV6
async def test_a_descriptor_of_another_family_tells_what_it_is() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as skt:
        skt.bind(("::1", 0))
        fd = skt.detach()
    endpoint = parse(f"udp:fd={fd}")
    assert isinstance(endpoint, UDPServerEndpoint)
    server = endpoint.serve(lambda data, peer: None)
    assert server.address().family == "IPv6"
    server.close()


async def test_blocked_senders_are_not_heard() -> None:
    protocol = Hearing()
    where = "udp:0:interface=127.0.0.1:receiveBlockList=127.0.0.2-127.0.0.3"
    port: Any = await datagramServerFromString(reactor, where).listen(protocol)
    for _ in range(20):  # alone, and in batches
        await say(port, b"blocked", "127.0.0.2")
        await say(port, b"heard", "127.0.0.4")
    await say(port, b"last", "127.0.0.1")
    await protocol.last
    assert protocol.heard == [b"heard"] * 20 + [b"last"]
    await port.stopListening()


async def test_nothing_is_sent_to_whom_is_blocked() -> None:
    protocol = Hearing()
    where = "udp:0:interface=127.0.0.1:sendBlockList=127.0.0.2,255.255.255.255"
    port: Any = await datagramServerFromString(reactor, where).listen(protocol)
    for host in ("127.0.0.2", "<broadcast>"):
        with pytest.raises(ERR_IP_BLOCKED, match="blocked"):
            port.write(b"x", (host, 9))
    with pytest.raises(ERR_IP_BLOCKED):
        port.connect("127.0.0.2", 9)
    port.write(b"last", ("127.0.0.1", port.getHost().port))
    await protocol.last
    await port.stopListening()


@pytest.mark.parametrize("name", ["packetInfo", "networkErrors"])
async def test_what_a_datagram_protocol_could_not_hear_is_refused(name: str) -> None:
    with pytest.raises(ERR_INVALID_ARG_VALUE, match=f"'{name}' is for sockets of Node's kind"):
        await datagramServerFromString(reactor, f"udp:0:{name}=yes").listen(Hearing())


# -- sockets that are open already ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("tcp:80:fd=3", 4, "port is not for a socket that fd has open"),
        ("tcp:fd=3:interface=::1".replace("::", r"\:\:"), 9, "interface is not for a socket that"),
        ("tcp:fd=3:systemd=web", 9, "systemd is not for a socket that fd has open"),
        ("unix:systemd=0:mode=660", 15, "mode is not for a socket that systemd has open"),
        ("udp:systemd=0:reuseAddr=yes", 14, "reuseAddr is not for a socket that systemd has open"),
        ("udp:1:systemd=0", 4, "port is not for a socket that systemd has open"),
        ("tcp:systemd=", 12, "systemd' must be the index or the name of a socket"),
        ("tcp:systemd=a\\:b", 12, "systemd' must be the index or the name of a socket"),
    ],
)
def test_what_only_opens_a_socket_is_refused_for_one_that_is_open(
    text: str, at: int, message: str
) -> None:
    with pytest.raises(EndpointStringError) as raised:
        parse(text)
    assert message in str(raised.value)
    assert raised.value.at == at


def test_keywords_are_judged_alike() -> None:
    with pytest.raises(TypeError, match="mode is not for a socket that systemd has open"):
        parse("unix:systemd=0").__class__(systemd="web", mode=0o600)
    assert TCPServerEndpoint(systemd="0") == TCPServerEndpoint(systemd=0) == parse("tcp:systemd=0")


def test_a_factory_that_cannot_start_leaves_no_port_open() -> None:
    class Broken(Factory):
        def startFactory(self) -> None:
            raise ValueError("not today")

    before = openHandles()
    failures: list[Any] = []
    endpoint = TCPServerEndpoint(port=0, host="127.0.0.1")
    endpoint.listen(Broken()).addErrback(failures.append)
    assert [failure.type for failure in failures] == [ValueError]
    assert openHandles() == before
