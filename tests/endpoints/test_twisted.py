"""nodenet's endpoints in the hands of Twisted programs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from twisted.application.internet import StreamServerEndpointService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    clientFromString,
    connectProtocol,
    serverFromString,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol, connectionDone
from twisted.plugin import getPlugins
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from nodenet import dgram, endpoints
from nodenet.endpoints import (
    EndpointStringError,
    TCPServerEndpoint,
    UDPServerEndpoint,
    datagramServerFromString,
    parse,
)
from nodenet.events import once
from nodenet.interfaces import (
    IDatagramServerEndpoint,
    IDatagramServerEndpointStringParser,
    INodeDatagramEndpoint,
    INodeStreamEndpoint,
)
from nodenet.plugins import DatagramParser, EndpointParser
from nodenet.transports.tcp import TCPTransport


class Echo(Protocol):
    """Sends back."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Shout(DatagramProtocol):
    """Sends back, louder."""

    def datagramReceived(self, data: bytes, addr: Any) -> None:
        self.transport.write(data.upper(), addr)


class Client(Protocol):
    """Says one thing, and collects what it hears until the end."""

    def __init__(self, says: bytes) -> None:
        self.says = says
        self.heard = b""
        self.ended: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self.says)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if len(self.heard) == len(self.says):
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(self.heard)


async def echoed(endpoint: Any, says: bytes = b"hello") -> bytes:
    """What one client hears from where `endpoint` leads."""
    client: Any = await connectProtocol(endpoint, Client(says))
    return bytes(await client.ended)


async def test_a_twisted_program_changes_one_string() -> None:
    endpoint = serverFromString(reactor, "node:tcp:0:interface=127.0.0.1:noDelay=yes")
    protocols: list[Echo] = []

    class Keeping(Echo):
        def connectionMade(self) -> None:
            protocols.append(self)

    port: Any = await endpoint.listen(Factory.forProtocol(Keeping))
    assert await echoed(TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)) == b"hello"
    assert isinstance(protocols[0].transport, TCPTransport)
    await port.stopListening()


async def test_a_unix_socket_is_gone_with_its_port(socketPath: Callable[[str], str]) -> None:
    path = socketPath("echo")
    endpoint = serverFromString(reactor, f"node:unix:{path}:mode=600")
    port: Any = await endpoint.listen(Factory.forProtocol(Echo))
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert await echoed(UNIXClientEndpoint(reactor, path)) == b"hello"
    await port.stopListening()
    assert not os.path.lexists(path)


async def test_a_service_of_twisteds() -> None:
    service = StreamServerEndpointService(
        serverFromString(reactor, "node:tcp:0:interface=127.0.0.1"), Factory.forProtocol(Echo)
    )
    service.startService()
    listening: Any = service._waitingForPort
    host = (await listening).getHost()
    assert await echoed(TCP4ClientEndpoint(reactor, host.host, host.port)) == b"hello"
    await service.stopService()


async def test_a_twisted_wrapper_around_ours() -> None:
    endpoint = serverFromString(reactor, "haproxy:node:tcp:0:interface=127.0.0.1")
    port: Any = await endpoint.listen(Factory.forProtocol(Echo))
    client = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    header = b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"
    protocol: Any = Client(b"hello")
    protocol.connectionMade = lambda: protocol.transport.write(header + b"hello")
    await connectProtocol(client, protocol)
    assert await protocol.ended == b"hello"
    await port.stopListening()


def test_twisteds_wrapper_takes_its_arguments_unescaped_as_with_twisteds_own() -> None:
    for kind in ("tcp", "node:tcp"):
        with pytest.raises(ValueError, match="Unknown endpoint type"):
            serverFromString(reactor, "haproxy:" + endpoints.quote(f"{kind}:8080"))
    assert serverFromString(reactor, r"haproxy:node:tcp:8080:interface=\:\:1")


async def test_connections_beyond_the_limit_are_closed() -> None:
    endpoint = parse("tcp:0:interface=127.0.0.1:maxConnections=0", reactor)
    assert isinstance(endpoint, TCPServerEndpoint)
    port: Any = await endpoint.listen(Factory.forProtocol(Echo))
    assert await echoed(TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)) == b""
    await port.stopListening()


@pytest.mark.parametrize("kind", ["tcp", "udp"])
async def test_a_port_that_is_taken_fails_the_deferred(kind: str) -> None:
    what: Any = {"tcp": Factory.forProtocol(Echo), "udp": Shout()}[kind]
    first: Any = await endpoints.serverFromString(reactor, f"{kind}:0:interface=127.0.0.1").listen(
        what
    )
    taken = f"{kind}:{first.getHost().port}:interface=127.0.0.1"
    with pytest.raises(CannotListenError) as raised:
        await endpoints.serverFromString(reactor, taken).listen(what)
    assert isinstance(raised.value, OSError)
    await first.stopListening()


@pytest.mark.parametrize("text", ["udp:0:interface=127.0.0.1", "node:udp:0:interface=127.0.0.1"])
@pytest.mark.parametrize("read", [serverFromString, datagramServerFromString])
async def test_udp_for_a_datagram_protocol(text: str, read: Callable[..., Any]) -> None:
    port: Any = await read(reactor, text).listen(Shout())
    assert verifyObject(IListeningPort, port)
    client = dgram.createSocket("udp4")
    client.send(b"hello", port.getHost().port, "127.0.0.1")
    data, _ = await once(client, "message")
    assert data == b"HELLO"
    client.close()
    await port.stopListening()


async def test_udp_refuses_a_factory() -> None:
    endpoint = serverFromString(reactor, "udp:0")
    with pytest.raises(TypeError, match="a udp endpoint runs one DatagramProtocol"):
        await endpoint.listen(Factory.forProtocol(Echo))


def test_the_same_string_makes_an_equal_endpoint() -> None:
    text = r"tcp:80:interface=\:\:1:backlog=5"
    assert serverFromString(reactor, f"node:{text}") == parse(text, reactor)
    assert datagramServerFromString(reactor, "udp:5") == UDPServerEndpoint(reactor, port=5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("node:tcp:80:reusePrt=yes", "did you mean reusePort?"),
        ("node", "it must begin with its kind"),
        ("node:tpc:80", "there is no kind 'tpc'; did you mean tcp?"),
        ("udp:x", "port must be a number, not 'x'"),
    ],
)
def test_a_bad_string_says_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(EndpointStringError, match="at character") as raised:
        serverFromString(reactor, text)
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["udp:80", "node:udp:80"])
def test_nobody_connects_to_datagrams(text: str) -> None:
    with pytest.raises(ValueError, match="udp"):
        clientFromString(reactor, text)


def test_a_stream_is_no_place_for_datagrams() -> None:
    with pytest.raises(EndpointStringError, match=r"there is no kind 'tcp'; .*udp:"):
        datagramServerFromString(reactor, "tcp:80")


def test_the_interfaces_are_provided() -> None:
    for text in ("tcp:1", "unix:/a"):
        assert verifyObject(IStreamServerEndpoint, parse(text))
        assert verifyObject(INodeStreamEndpoint, parse(text))
    assert verifyObject(IDatagramServerEndpoint, parse("udp:1"))
    assert verifyObject(INodeDatagramEndpoint, parse("udp:1"))
    assert verifyObject(IStreamServerEndpointStringParser, EndpointParser("node"))
    assert verifyObject(IDatagramServerEndpointStringParser, EndpointParser("node"))
    assert verifyObject(IStreamServerEndpointStringParser, DatagramParser("udp"))
    assert verifyObject(IDatagramServerEndpointStringParser, DatagramParser("udp"))
    assert not IStreamClientEndpointStringParserWithReactor.providedBy(DatagramParser("udp"))


def test_twisted_finds_the_plugins() -> None:
    assert {"node", "udp"} <= {
        plugin.prefix for plugin in getPlugins(IStreamServerEndpointStringParser)
    }


def test_looking_for_plugins_loads_no_sockets() -> None:
    program = (
        "import sys, nodenet.plugins; sys.exit(any(name in sys.modules for name in"
        " ['nodenet.net', 'nodenet.endpoints', 'twisted.internet.reactor']))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_a_path_that_is_not_ours_any_more_is_left(socketPath: Callable[[str], str]) -> None:
    path = socketPath("echo")
    port: Any = await endpoints.serverFromString(reactor, f"unix:{path}").listen(
        Factory.forProtocol(Echo)
    )
    os.unlink(path)
    other: Any = await endpoints.serverFromString(reactor, f"unix:{path}").listen(
        Factory.forProtocol(Echo)
    )
    await port.stopListening()
    assert await echoed(UNIXClientEndpoint(reactor, path)) == b"hello"
    await other.stopListening()
    assert not os.path.lexists(path)
