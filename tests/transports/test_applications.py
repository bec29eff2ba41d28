"""Twisted's own applications on nodenet's transports: web, TLS, AMP, SSH, port forwarding."""

from __future__ import annotations

import socket
from importlib.metadata import version
from typing import Any

import pytest
from certificates import certificate, clientOptions, serverOptions
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, ISSLTransport, ITLSTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.protocols import amp, portforward
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer
from zope.interface.verify import verifyObject

from nodenet.endpoints import TCPClientEndpoint, TCPServerEndpoint


async def listening(factory: Any) -> Any:
    factory.noisy = False
    return await TCPServerEndpoint(port=0, host="127.0.0.1").listen(factory)


def to(port: Any) -> TCPClientEndpoint:
    return TCPClientEndpoint(host="127.0.0.1", port=port.getHost().port)


async def closed(port: Any) -> None:
    while port.connections:
        await deferLater(reactor, 0)
    await port.stopListening()


# Of pyOpenSSL and Twisted among themselves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(pyOpenSSL|APIs in cryptography|abortConnection):DeprecationWarning"
)


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Collecting(Protocol):
    """Collects what it receives until the end."""

    def __init__(self) -> None:
        self.received = b""
        self.ended: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.ended.callback(None)


class Page(Resource):
    isLeaf = True

    def render_GET(self, request: Any) -> Any:
        if request.path == b"/late":
            reactor.callLater(0, request.write, b"late")
            reactor.callLater(0, request.finish)
            return NOT_DONE_YET
        return b"x" * 500_000

    def render_POST(self, request: Any) -> bytes:
        return bytes(request.content.read()[::-1])


class Through:
    """An agent's way to connect: over a nodenet endpoint."""

    def __init__(self, port: Any) -> None:
        self.port = port

    def endpointForURI(self, uri: Any) -> Any:
        return to(self.port)


async def test_web_serves_pages_over_one_connection() -> None:
    port = await listening(Site(Page()))
    pool = HTTPConnectionPool(reactor)
    agent = Agent.usingEndpointFactory(reactor, Through(port), pool)
    assert await readBody(await agent.request(b"GET", b"http://localhost/")) == b"x" * 500_000
    assert await readBody(await agent.request(b"GET", b"http://localhost/late")) == b"late"
    assert port.connections == 1
    await pool.closeCachedConnections()
    await closed(port)


@pytest.mark.skipif(
    tuple(map(int, version("Twisted").split(".")[:2])) < (24, 7),
    reason="on its own transports too, older twisted.web answers neither request of one segment",
)
async def test_web_answers_a_plain_client_with_pipelined_requests() -> None:
    port = await listening(Site(Page()))
    collecting = await connectProtocol(to(port), Collecting())
    request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n%s\r\nabc"
    collecting.transport.write(request % b"" + request % b"Connection: close\r\n")
    await collecting.ended
    assert collecting.received.count(b"cba") == 2
    await closed(port)


async def test_tls_wraps_both_ends() -> None:
    factory = TLSMemoryBIOFactory(serverOptions(), False, Factory.forProtocol(Echo))
    port = await listening(factory)
    collecting = await connectProtocol(wrapClientTLS(clientOptions(), to(port)), Collecting())
    payload = bytes(range(256)) * 4000
    collecting.transport.write(payload)
    while len(collecting.received) < len(payload):
        await deferLater(reactor, 0)
    assert collecting.received == payload
    collecting.transport.loseConnection()
    await collecting.ended
    await closed(port)


@implementer(IHandshakeListener)
class Starting(Collecting):
    """Says what it wants in the clear, then starts TLS."""

    shaken = False

    def connectionMade(self) -> None:
        assert verifyObject(ITLSTransport, self.transport)
        self.transport.write(b"STARTTLS")

    def dataReceived(self, data: bytes) -> None:
        if ISSLTransport.providedBy(self.transport):
            super().dataReceived(data)
        else:
            assert data == b"GO"
            self.transport.startTLS(clientOptions())
            self.transport.write(b"secret")

    def handshakeCompleted(self) -> None:
        self.shaken = True


class Upgrading(Protocol):
    def dataReceived(self, data: bytes) -> None:
        if ISSLTransport.providedBy(self.transport):
            self.transport.writeSequence([b"heard ", data])
            self.transport.loseConnection()
        else:
            assert data == b"STARTTLS"
            self.transport.write(b"GO")
            self.transport.startTLS(serverOptions())


async def test_tls_starts_on_a_connection_in_use() -> None:
    port = await listening(Factory.forProtocol(Upgrading))
    starting = await connectProtocol(to(port), Starting())
    await starting.ended
    assert starting.received == b"heard secret"
    assert starting.shaken
    await closed(port)


async def test_after_start_tls_a_protocol_is_swapped_above_it() -> None:
    class Swapping(Upgrading):
        def dataReceived(self, data: bytes) -> None:
            if ISSLTransport.providedBy(self.transport):
                shouting = Shouting()
                shouting.transport = self.transport
                self.transport.protocol = shouting  # type: ignore[attr-defined]  # still ours
                self.transport.write(b"swapped")
            else:
                super().dataReceived(data)

    class Shouting(Protocol):
        def dataReceived(self, data: bytes) -> None:
            self.transport.write(data.upper())

    port = await listening(Factory.forProtocol(Swapping))
    starting = await connectProtocol(to(port), Starting())
    while starting.received != b"swapped":
        await deferLater(reactor, 0)
    starting.transport.write(b"loud")
    while starting.received != b"swappedLOUD":
        await deferLater(reactor, 0)
    starting.transport.loseConnection()
    await starting.ended
    await closed(port)


async def test_starting_tls_twice_is_refused() -> None:
    port = await listening(Factory.forProtocol(Upgrading))
    starting = await connectProtocol(to(port), Starting())
    while not starting.shaken:
        await deferLater(reactor, 0)
    with pytest.raises(RuntimeError):
        starting.transport.startTLS(clientOptions())
    starting.transport.abortConnection()
    await starting.ended
    await closed(port)


class Sum(amp.Command):
    arguments = [(b"a", amp.Integer()), (b"b", amp.Integer())]  # noqa: RUF012  # AMP's form
    response = [(b"total", amp.Integer())]  # noqa: RUF012  # AMP's form


class Adding(amp.AMP):
    @Sum.responder
    def add(self, a: int, b: int) -> dict[str, int]:
        return {"total": a + b}


async def test_amp_calls_also_after_it_has_started_tls() -> None:
    class Secure(Adding):
        @amp.StartTLS.responder
        def start(self) -> dict[str, Any]:
            return {"tls_localCertificate": certificate()}

    port = await listening(Factory.forProtocol(Secure))
    client = await connectProtocol(to(port), amp.AMP())
    assert (await client.callRemote(Sum, a=13, b=81))["total"] == 94
    await client.callRemote(amp.StartTLS)
    assert (await client.callRemote(Sum, a=1, b=2))["total"] == 3
    assert ISSLTransport.providedBy(client.transport)
    client.transport.loseConnection()
    await closed(port)


async def test_a_port_is_forwarded_with_backpressure_and_closed_with_its_peer() -> None:
    echoing = await listening(Factory.forProtocol(Echo))

    class Forwarding(portforward.ProxyServer):
        reactor = None

        def connectionMade(self) -> None:
            self.transport.pauseProducing()
            joining = portforward.ProxyClientFactory()
            joining.setServer(self)
            joining.noisy = False
            to(echoing).connect(joining)

    port = await listening(Factory.forProtocol(Forwarding))
    collecting = await connectProtocol(to(port), Collecting())
    payload = bytes(1_000_000)
    collecting.transport.write(payload)
    while len(collecting.received) < len(payload):
        await deferLater(reactor, 0)
    collecting.transport.loseConnection()
    await collecting.ended
    await closed(port)
    await closed(echoing)


async def test_a_plain_socket_sees_a_tls_server_close_cleanly() -> None:
    port = await listening(Factory.forProtocol(Upgrading))
    with socket.create_connection(("127.0.0.1", port.getHost().port)) as plain:
        plain.send(b"STARTTLS")
        await deferLater(reactor, 0.01)
        assert plain.recv(2) == b"GO"
        plain.send(b"this is no TLS")
        await closed(port)
