"""Connecting by a string: Node's way of connecting, Twisted's protocols."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import error, reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    NoProtocol,
)
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from nodenet import dns, endpoints, net
from nodenet.endpoints import EndpointStringError, TCPClientEndpoint, UNIXClientEndpoint
from nodenet.events import once
from nodenet.plugins import EndpointParser
from nodenet.transports.tcp import TCPTransport


class Greeter(Protocol):
    """Says hello and waits for the end."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(self.heard)


class Counting(Factory):
    """Counts its starts and stops."""

    protocol = Greeter
    starts = 0
    stops = 0

    def startFactory(self) -> None:
        self.starts += 1

    def stopFactory(self) -> None:
        self.stops += 1


async def answering(**where: Any) -> net.Server:
    """A server that answers the first bytes of each connection, in capitals, and ends it."""

    def connection(client: net.Socket) -> None:
        client.once("data", lambda data: client.end(data.upper()))

    server = net.createServer(connection).listen(where)
    await once(server, "listening")
    return server


async def test_a_twisted_client_changes_one_string() -> None:
    server = await answering(port=0, host="127.0.0.1")
    factory = Counting()
    port = server.address().port
    protocol: Any = await clientFromString(
        reactor, f"node:tcp:127.0.0.1:{port}:noDelay=yes"
    ).connect(factory)
    assert isinstance(protocol.transport, TCPTransport)
    assert protocol.transport.getTcpNoDelay()
    assert await protocol.ended == b"HELLO"
    server.close()
    await once(server, "close")
    assert (factory.starts, factory.stops) == (1, 1)


async def test_a_name_is_looked_up() -> None:
    server = await answering(port=0, host="localhost")
    endpoint = endpoints.clientFromString(reactor, f"tcp:localhost:{server.address().port}")
    protocol: Any = await connectProtocol(endpoint, Greeter())
    assert await protocol.ended == b"HELLO"
    server.close()
    await once(server, "close")


async def test_a_unix_socket(socketPath: Callable[[str], str]) -> None:
    server = await answering(path=socketPath("a"))
    endpoint = clientFromString(reactor, f"node:unix:{socketPath('a')}")
    protocol: Any = await connectProtocol(endpoint, Greeter())
    assert await protocol.ended == b"HELLO"
    server.close()
    await once(server, "close")


def refusing() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return int(gone.getsockname()[1])


async def test_who_is_refused_hears_it_in_every_language() -> None:
    port, factory = refusing(), Counting()
    endpoint = TCPClientEndpoint(reactor, host="127.0.0.1", port=port)
    with pytest.raises(error.ConnectionRefusedError) as raised:
        await endpoint.connect(factory)
    assert isinstance(raised.value, OSError)
    assert str(raised.value) == f"connect ECONNREFUSED 127.0.0.1:{port}"
    assert (factory.starts, factory.stops) == (1, 1)


async def test_a_peer_that_resets_at_once_was_connected_before() -> None:
    """The kernel does not know its address any more; who has called it does."""
    told: list[Any] = []

    class Kept(Greeter):
        def connectionLost(self, reason: Failure = connectionDone) -> None:
            told.append(reason)
            super().connectionLost(reason)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()

        class Late(TCPClientEndpoint):
            def _prepare(self, transport: Any) -> None:
                peer, _ = listener.accept()
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                peer.close()

        endpoint = Late(reactor, host=host, port=port)
        protocol: Any = await endpoint.connect(Factory.forProtocol(Kept))
    await protocol.ended
    assert protocol.transport.getPeer() == IPv4Address("TCP", host, port)
    assert told[0].check(error.ConnectionLost)


async def test_nobody_at_a_path(socketPath: Callable[[str], str]) -> None:
    with pytest.raises(ConnectError, match="connect ENOENT"):
        await UNIXClientEndpoint(reactor, path=socketPath("none")).connect(Counting())


@pytest.fixture
def unanswered() -> Any:
    """Where connecting neither succeeds nor fails: a listener with a full queue."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()
        for client in waiting:
            client.close()


async def test_time_runs_out(unanswered: Any) -> None:
    endpoint = clientFromString(reactor, f"node:tcp:127.0.0.1:{unanswered[1]}:timeout=0.01")
    with pytest.raises(error.TimeoutError, match="did not answer"):
        await endpoint.connect(Counting())


async def test_an_attempt_can_be_cancelled(unanswered: Any) -> None:
    factory = Counting()
    connecting = TCPClientEndpoint(reactor, host="127.0.0.1", port=unanswered[1]).connect(factory)
    connecting.cancel()
    with pytest.raises(ConnectingCancelledError):
        await connecting
    assert (factory.starts, factory.stops) == (1, 1)


async def test_a_factory_without_a_protocol() -> None:
    class Unwilling(Counting):
        def buildProtocol(self, addr: Any) -> None:
            return None

    server = await answering(port=0, host="127.0.0.1")
    endpoint = TCPClientEndpoint(reactor, host="127.0.0.1", port=server.address().port)
    with pytest.raises(NoProtocol):
        await endpoint.connect(Unwilling())
    server.close()
    await once(server, "close")


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("tcp:example.com:80", TCPClientEndpoint(host="example.com", port=80)),
        ("tcp:host=example.com:port=80", TCPClientEndpoint(host="example.com", port=80)),
        ("tcp:host=example.com:80", TCPClientEndpoint(host="example.com", port=80)),
        ("tcp:a:1:timeout=5", TCPClientEndpoint(host="a", port=1, timeout=5)),
        ("tcp:a:1:timeout=30", TCPClientEndpoint(host="a", port=1)),
        ("tcp:a:1:bindAddress=127.0.0.2",
         TCPClientEndpoint(host="a", port=1, localAddress="127.0.0.2")),
        ("tcp:a:1:autoSelectFamilyAttemptTimeout=100:family=6",
         TCPClientEndpoint(host="a", port=1, autoSelectFamilyAttemptTimeout=100, family=6)),
        ("tcp:a:1:hints=ADDRCONFIG,ALL",
         TCPClientEndpoint(host="a", port=1, hints=dns.ADDRCONFIG | dns.ALL)),
        ("tcp:a:1:autoSelectFamily=race",
         TCPClientEndpoint(host="a", port=1, autoSelectFamily="race")),
        ("unix:path=/a:timeout=9", UNIXClientEndpoint(path="/a", timeout=9)),
        ("unix:@a", UNIXClientEndpoint(path="\0a")),
    ],
)  # fmt: skip
def test_strings_and_keywords_say_the_same(text: str, endpoint: Any) -> None:
    assert endpoints.clientFromString(None, text) == endpoint
    assert endpoints.clientFromString(None, str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tcp:80", "it does not say where"),
        ("tcp:a:b", "at character 7: port must be a number, not 'b'"),
        ("tcp::80", "at character 5: host must be a name or an address"),
        ("tcp:a:80:localAddress=x", "Invalid IP address: x"),
        ("udp:80", "'udp:80' at character 1: udp: is not for connections"),
    ],
)
def test_a_bad_string_says_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(EndpointStringError) as raised:
        endpoints.clientFromString(reactor, text)
    assert message in str(raised.value)


@given(st.lists(st.sampled_from(
    ["a", "80", r"\:\:1", "timeout=1", "timeout=1.5", "family=4", "localPort=5", "host=b", "port=1",
     "path=/x", "@q", "localAddress=127.0.0.1", "noDelay=yes", "keepAliveInitialDelay=7"]
), max_size=4))  # fmt: skip
def test_what_is_accepted_is_written_and_read_back(parts: list[str]) -> None:
    for kind in ("tcp", "unix"):
        with suppress(EndpointStringError):
            endpoint = endpoints.clientFromString(None, ":".join([kind, *parts]))
            assert endpoints.clientFromString(None, str(endpoint)) == endpoint


def test_the_interfaces_are_provided() -> None:
    assert verifyObject(IStreamClientEndpoint, TCPClientEndpoint(port=1))
    assert verifyObject(IStreamClientEndpoint, UNIXClientEndpoint(path="/a"))
    assert verifyObject(IStreamClientEndpointStringParserWithReactor, EndpointParser("node"))
