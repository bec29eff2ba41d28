"""Exchanging datagrams with a peer, by a string."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from machine import NEEDS_IPV6
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IListeningPort, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Factory
from zope.interface.verify import verifyObject

from nodenet import dgram
from nodenet.endpoints import (
    EndpointStringError,
    UDPClientEndpoint,
    datagramClientFromString,
    parse,
)
from nodenet.errors import ERR_INVALID_ARG_VALUE, ERR_IP_BLOCKED
from nodenet.events import once
from nodenet.interfaces import IDatagramClientEndpoint, IDatagramClientEndpointStringParser
from nodenet.plugins import DatagramParser


class Asking(DatagramProtocol):
    """Writes without an address as soon as it is started."""

    transport: Any

    def __init__(self) -> None:
        self.heard: Deferred[tuple[bytes, Any]] = Deferred()
        self.refused: Deferred[None] = Deferred()

    def startProtocol(self) -> None:
        self.transport.write(b"hello")

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        self.heard.callback((data, addr))

    def connectionRefused(self) -> None:
        self.refused.callback(None)


def shouting(address: str = "127.0.0.1") -> dgram.Socket:
    """A socket that answers in capitals."""
    endpoint: Any = parse(f"udp:0:interface={address}".replace("::", r"\:\:"))
    made: dgram.Socket = endpoint.serve(
        lambda data, peer: made.send(data.upper(), peer.port, peer.address)
    )
    return made


def endpoint(where: dgram.Socket, host: str = "127.0.0.1", more: str = "") -> UDPClientEndpoint:
    made = datagramClientFromString(
        reactor, f"udp:{host}:{where.address().port}{more}".replace("::1", r"\:\:1")
    )
    assert isinstance(made, UDPClientEndpoint)
    return made


@pytest.mark.parametrize(
    ("address", "host"),
    [("127.0.0.1", "localhost"), pytest.param("::1", "::1", marks=NEEDS_IPV6)],
)
async def test_a_protocol_is_connected_when_it_starts(address: str, host: str) -> None:
    server = shouting(address)
    protocol = Asking()
    port: Any = await endpoint(server, host).connect(protocol)
    assert verifyObject(IUDPTransport, port)
    assert verifyObject(IListeningPort, port)
    data, peer = await protocol.heard
    assert (data, peer[1]) == (b"HELLO", server.address().port)
    await port.stopListening()
    server.close()


async def test_a_socket_of_nodes() -> None:
    server = shouting()
    client = endpoint(server, more=":localAddress=127.0.0.1:ttl=9").open()
    await once(client, "connect")
    assert client.address().address == "127.0.0.1"
    client.send(b"hello")
    assert (await once(client, "message"))[0] == b"HELLO"
    client.close()
    server.close()


async def test_where_it_is_sent_from() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    server = shouting()
    text = f":bindAddress=127.0.0.1:localPort={number}:recvBufferSize=32768"
    port: Any = await endpoint(server, more=text).connect(Asking())
    assert (port.getHost().host, port.getHost().port) == ("127.0.0.1", number)
    assert port.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 32768
    await port.stopListening()
    server.close()


async def test_nobody_there_is_told_and_ends_nothing() -> None:
    gone = shouting()
    protocol = Asking()
    connecting = endpoint(gone)
    gone.close()
    port: Any = await connecting.connect(protocol)
    await protocol.refused
    await port.stopListening()


async def test_what_keeps_it_from_connecting() -> None:
    where = datagramClientFromString
    with pytest.raises(DNSLookupError):
        await where(reactor, "udp:does-not-exist.invalid:53").connect(Asking())
    with pytest.raises(ERR_IP_BLOCKED):
        await where(reactor, "udp:127.0.0.1:53:sendBlockList=127.0.0.0/8").connect(Asking())
    with pytest.raises(OSError, match="bind EADDRNOTAVAIL"):
        await where(reactor, "udp:127.0.0.1:53:localAddress=192.0.2.1").connect(Asking())
    with pytest.raises(ERR_INVALID_ARG_VALUE, match="packetInfo"):
        await where(reactor, "udp:127.0.0.1:53:packetInfo=yes").connect(Asking())
    factory: Any = Factory()
    with pytest.raises(TypeError, match="one DatagramProtocol"):
        await where(reactor, "udp:127.0.0.1:53").connect(factory)


async def test_a_look_up_can_be_cancelled() -> None:
    connecting = datagramClientFromString(reactor, "udp:localhost:53").connect(Asking())
    connecting.addErrback(lambda _: None)
    connecting.cancel()
    await connecting


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("udp:53", "it does not say where"),
        ("udp:a:0", "port should be > 0 and < 65536"),
        ("udp::53", "host must be a name or an address"),
        ("udp:a:53:localAddress=x", "Invalid IP address: x"),
        ("udp:a:53:multicast=224.0.0.1", "there is no argument 'multicast'"),
        ("tcp:a:53", "there is no kind 'tcp'; there are udp:, node:"),
    ],
)
def test_a_bad_string_says_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(EndpointStringError) as raised:
        datagramClientFromString(reactor, text)
    assert message in str(raised.value)


def test_strings_are_values() -> None:
    text = "udp:example.com:53:type=udp6:localPort=5353"
    found = datagramClientFromString(reactor, f"node:{text}")
    assert found == UDPClientEndpoint(host="example.com", port=53, type="udp6", localPort=5353)
    assert datagramClientFromString(reactor, str(found)) == found
    assert verifyObject(IDatagramClientEndpoint, found)
    assert verifyObject(IDatagramClientEndpointStringParser, DatagramParser("udp"))
