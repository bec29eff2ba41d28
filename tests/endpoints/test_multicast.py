"""What a datagram endpoint sets on its socket."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from nodenet import dgram
from nodenet.endpoints import (
    EndpointStringError,
    UDPServerEndpoint,
    datagramServerFromString,
    parse,
)
from nodenet.events import once

GROUP = "udp:0:interface=0.0.0.0:multicast=224.0.0.114:multicastInterface=127.0.0.1"


class Hearing(DatagramProtocol):
    """Fires with the first datagram."""

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        self.heard.callback(data)


async def send(port: int) -> None:
    """Send to the group on this machine."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        here = socket.inet_aton("127.0.0.1")
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        sender.sendto(b"all", ("224.0.0.114", port))


async def test_a_protocol_joins_a_group() -> None:
    protocol = Hearing()
    port: Any = await datagramServerFromString(reactor, GROUP).listen(protocol)
    await send(port.getHost().port)
    assert await protocol.heard == b"all"
    await port.stopListening()


async def test_a_socket_joins_a_group() -> None:
    endpoint = parse(GROUP)
    assert isinstance(endpoint, UDPServerEndpoint)
    server = endpoint.serve(lambda data, peer: None)
    message = once(server, "message")
    await send(server.address().port)
    assert (await message)[0] == b"all"
    server.close()


@pytest.mark.parametrize("kind", ["node", "twisted"])
async def test_hops_and_broadcast(kind: str) -> None:
    text = "udp:0:ttl=7:multicastTTL=9:multicastLoopback=no:broadcast=yes:recvBufferSize=32768"
    endpoint = parse(text, reactor)
    assert isinstance(endpoint, UDPServerEndpoint)
    port: Any
    if kind == "node":
        port = endpoint.serve(lambda data, peer: None)
        skt = port._kernel_socket()
    else:
        port = await endpoint.listen(Hearing())
        skt = port.getHandle()
    assert skt.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 7
    assert skt.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 9
    assert skt.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP) == 0
    assert skt.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) == 1
    assert skt.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 32768
    if isinstance(port, dgram.Socket):
        port.close()
    else:
        await port.stopListening()


async def test_an_interface_that_is_not_there_fails_the_listening() -> None:
    text = "udp:0:multicast=224.0.0.114:multicastInterface=192.0.2.1"
    with pytest.raises(OSError, match="E") as raised:
        await datagramServerFromString(reactor, text).listen(Hearing())
    assert not isinstance(raised.value, CannotListenError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("udp:1:multicast=10.0.0.1", "multicast must be a multicast address such as 224.0.0.114"),
        ("udp:1:multicast=", "multicast must be a multicast address such as 224.0.0.114"),
        ("udp:1:ttl=0", 'The value of "ttl" is out of range'),
        ("udp:1:type=unix", "type must be udp4 or udp6, not 'unix'"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(EndpointStringError) as raised:
        parse(text)
    assert message in str(raised.value)
