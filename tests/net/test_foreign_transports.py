"""Sockets over transports that are not nodenet's own."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import clientOptions, serverOptions
from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from nodenet import events, net
from nodenet.endpoints import TCPClientEndpoint, TCPServerEndpoint
from nodenet.errors import ERR_INVALID_HANDLE_TYPE, ERR_SOCKET_CLOSED
from nodenet.interfaces import IStreamLink
from nodenet.loop import pollerOf
from nodenet.net import NodeFactory
from nodenet.net._foreign import StreamLink

LARGE = bytes(range(256)) * 8000
HUGE = LARGE * 8
"""More than the system's buffers take."""

pytestmark = pytest.mark.filterwarnings("ignore:.*pyOpenSSL:DeprecationWarning")


class Stock:
    """Twisted's own endpoints and transports."""

    def server(self) -> Any:
        return endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")

    def client(self, port: Any) -> Any:
        return endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)

    async def listen(self, factory: Any) -> Any:
        return await self.server().listen(factory)

    async def connect(self, port: Any, factory: Any) -> Any:
        return await self.client(port).connect(factory)


class Own(Stock):
    """nodenet's."""

    def server(self) -> Any:
        return TCPServerEndpoint(port=0, host="127.0.0.1")

    def client(self, port: Any) -> Any:
        return TCPClientEndpoint(host="127.0.0.1", port=port.getHost().port)


class OverTLS(Stock):
    """TLS over `below`."""

    def __init__(self, below: Stock) -> None:
        self.below = below

    async def listen(self, factory: Any) -> Any:
        return await self.below.listen(TLSMemoryBIOFactory(serverOptions(), False, factory))

    async def connect(self, port: Any, factory: Any) -> Any:
        client = endpoints.wrapClientTLS(clientOptions(), self.below.client(port))
        return await client.connect(factory)


KINDS: dict[str, Stock] = {
    "nodenet's": Own(),
    "Twisted's": Stock(),
    "TLS over nodenet's": OverTLS(Own()),
    "TLS over Twisted's": OverTLS(Stock()),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Stock:
    return KINDS[request.param]


async def heard(socket: net.Socket) -> bytes:
    """All that a socket receives until the end."""
    chunks: list[Any] = [chunk async for chunk in socket]
    return b"".join(chunks)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await deferLater(reactor, 0)


async def joined(kind: Stock, listener: Callable[[net.Socket], object], **options: Any) -> Any:
    """A port whose connections `listener` gets, and the socket of a client."""
    port = await kind.listen(NodeFactory(listener, **options))
    client: Deferred[net.Socket] = Deferred()
    await kind.connect(port, NodeFactory(client.callback))
    return port, await client


async def test_what_is_written_comes_back(kind: Stock) -> None:
    port, client = await joined(kind, lambda socket: socket.pipe(socket))
    client.write(LARGE)
    received = b""
    async for chunk in client:
        received += chunk
        if len(received) == len(LARGE):
            client.end()
    assert received == LARGE
    await port.stopListening()


async def test_callbacks_and_drain_follow_what_has_left(kind: Stock) -> None:
    received = 0
    served: list[net.Socket] = []

    def serve(socket: net.Socket) -> None:
        served.append(socket)

        @socket.on("data")
        def count(data: bytes) -> None:
            nonlocal received
            received += len(data)

    port, client = await joined(kind, serve)
    told: list[str] = []
    client.resume()
    client.on("drain", lambda: told.append("drain"))
    assert not client.write(HUGE, lambda error: told.append("written"))
    assert client.writableLength == len(HUGE)
    await events.once(client, "drain")
    client.write(b"more", lambda error: told.append("more"))
    client.end(lambda error: told.append("finished"))
    await events.once(client, "close")
    assert received == len(HUGE) + 4
    assert told == ["drain", "written", "more", "finished"]
    assert client.bytesWritten == received
    await port.stopListening()


async def test_a_slow_reader_slows_the_writer_down(kind: Stock) -> None:
    served: list[net.Socket] = []
    port, client = await joined(kind, served.append, pauseOnConnect=True)
    client.resume()
    client.write(HUGE)
    while not served:
        await turns(1)
    await turns(50)
    assert client.writableLength > 0
    received = 0

    def count(data: bytes) -> None:
        nonlocal received
        received += len(data)

    served[0].on("data", count).resume()
    client.end()
    await events.once(client, "close")
    assert received == len(HUGE)
    await port.stopListening()


@pytest.mark.parametrize("plain", [Own(), Stock()], ids=["nodenet's", "Twisted's"])
async def test_after_end_the_answer_is_still_heard(plain: Stock) -> None:
    """TLS has one end for both directions, as Twisted has it."""

    def answer(socket: net.Socket) -> None:
        chunks: list[bytes] = []
        socket.on("data", chunks.append)
        socket.on("end", lambda: socket.end(b"heard " + b"".join(chunks)))

    port, client = await joined(plain, answer, allowHalfOpen=True)
    client.end(b"a question")
    assert await heard(client) == b"heard a question"
    await port.stopListening()


async def test_a_question_sent_with_end_is_answered(kind: Stock) -> None:
    def answer(socket: net.Socket) -> None:
        socket.on("data", lambda data: socket.end(b"heard " + data))

    port, client = await joined(kind, answer)
    client.end(b"a question")
    assert await heard(client) == b"heard a question"
    await port.stopListening()


async def test_both_ends_know_their_addresses(kind: Stock) -> None:
    served: list[net.Socket] = []
    port, client = await joined(kind, served.append)
    client.write(b"x")
    while not served:
        await turns(1)
    await events.once(served[0], "data")
    assert client.remotePort == port.getHost().port
    assert client.localAddress == "127.0.0.1"
    assert served[0].remotePort == client.localPort
    assert served[0].remoteFamily == "IPv4"
    client.end()
    served[0].resume()
    client.resume()
    await events.once(client, "close")
    await port.stopListening()


async def test_destroying_one_end_closes_the_other(kind: Stock) -> None:
    served: list[net.Socket] = []
    port, client = await joined(kind, served.append)
    client.write(b"x")
    while not served:
        await turns(1)
    served[0].resume()
    client.resume()
    client.destroy()
    if not served[0].destroyed:
        await events.once(served[0], "close")
    await turns()
    await port.stopListening()


async def test_only_tcp_is_reset() -> None:
    port, client = await joined(KINDS["TLS over nodenet's"], lambda socket: socket.resume())
    with pytest.raises(ERR_INVALID_HANDLE_TYPE):
        client.resetAndDestroy()
    client.setNoDelay(True)  # as on Node's pipes, nothing happens
    client.end(b"x")
    client.resume()
    await events.once(client, "close")
    await port.stopListening()


async def test_tls_asks_its_producer_only_when_there_is_something() -> None:
    port, client = await joined(KINDS["TLS over Twisted's"], lambda socket: socket.resume())
    link = client._link
    asked = 0
    resume = link.resumeProducing

    def count() -> None:
        nonlocal asked
        asked += 1
        resume()

    link.resumeProducing = count
    client.write(b"x")
    await turns(100)
    assert asked < 3
    client.end()
    client.resume()
    await events.once(client, "close")
    await port.stopListening()


async def test_a_failing_listener_leaves_the_connection_open(
    flushLoggedErrors: Callable[..., list[Failure]], kind: Stock
) -> None:
    def fail(data: bytes) -> None:
        raise ZeroDivisionError

    served: list[net.Socket] = []

    def serve(socket: net.Socket) -> None:
        served.append(socket)
        socket.once("data", fail)

    port, client = await joined(kind, serve)
    client.write(b"x")
    while not flushLoggedErrors(ZeroDivisionError):
        await turns(1)
    assert not served[0].destroyed
    client.end()
    client.resume()
    await events.once(client, "close")
    await port.stopListening()


class TestInThePlaceOfAProtocol:
    async def test_a_protocol_gives_its_connection_away(self) -> None:
        class Giving(Protocol):
            def connectionMade(self) -> None:
                self.transport.write(b"protocol, ")
                socket = net.Socket.fromTransport(self.transport)
                socket.end(b"socket")
                socket.resume()

        for kind in (Own(), Stock(), OverTLS(Own())):
            factory = Factory.forProtocol(Giving)
            port = await kind.listen(factory)
            client: Deferred[net.Socket] = Deferred()
            await kind.connect(port, NodeFactory(client.callback))
            socket = await client
            assert await heard(socket) == b"protocol, socket"
            await port.stopListening()

    async def test_a_lost_transport_is_refused(self) -> None:
        lost: Deferred[None] = Deferred()

        class Losing(Protocol):
            def connectionLost(self, reason: Any = None) -> None:
                with pytest.raises(ERR_SOCKET_CLOSED):
                    net.Socket.fromTransport(self.transport)
                lost.callback(None)

        port, client = await joined(Own(), lambda socket: socket.resume())
        made = await Own().client(port).connect(Factory.forProtocol(Losing))
        made.transport.loseConnection()
        await lost
        client.destroy()
        await turns()
        await port.stopListening()


class TestTestTransport:
    """Twisted's `StringTransport`, as unit tests of protocols use it."""

    def joined(self, **options: Any) -> tuple[net.Socket, Any, Any]:
        transport: Any = StringTransport()
        socket = net.Socket.fromTransport(transport, **options)
        return socket, transport, transport.protocol

    async def test_bytes_go_both_ways(self) -> None:
        socket, transport, protocol = self.joined()
        written: list[str] = []
        socket.write(b"out", lambda error: written.append("written"))
        assert transport.value() == b"out"
        received: list[bytes] = []
        socket.on("data", received.append)
        protocol.dataReceived(b"in")
        await turns()
        assert (received, written) == ([b"in"], ["written"])
        socket.destroy()
        await turns()
        assert transport.disconnecting

    async def test_reading_pauses_the_transport(self) -> None:
        socket, transport, protocol = self.joined()
        socket.on("data", lambda data: socket.pause())
        await turns()
        assert transport.producerState == "producing"
        protocol.dataReceived(bytes(100_000))
        protocol.dataReceived(bytes(100_000))
        assert transport.producerState == "paused"
        socket.destroy()
        await turns()

    async def test_the_end_is_clean_or_an_error_with_its_code(self) -> None:
        socket, _, protocol = self.joined()
        told: list[Any] = []
        socket.on("end", lambda: told.append("end")).on("close", told.append).resume()
        protocol.connectionLost(Failure(ConnectionDone()))
        await turns()
        assert told == ["end", False]

        socket, _, protocol = self.joined()
        socket.on("error", lambda error: told.append(error.code)).on("close", told.append)
        protocol.connectionLost(Failure(ConnectionLost()))
        await turns()
        assert told[2:] == ["ECONNRESET", True]

    async def test_what_came_before_the_end_is_read_before_it(self) -> None:
        socket, _, protocol = self.joined(highWaterMark=10)
        protocol.dataReceived(b"x" * 50)
        protocol.dataReceived(b"y" * 50)
        protocol.connectionLost(Failure(ConnectionDone()))
        assert await heard(socket) == b"x" * 50 + b"y" * 50

    async def test_the_caller_may_give_the_buffer(self) -> None:
        buffer = bytearray(4)
        seen: list[bytes] = []
        socket, _, protocol = self.joined(
            onread={"buffer": buffer, "callback": lambda size, it: seen.append(bytes(it[:size]))}
        )
        await turns()
        protocol.dataReceived(b"abcdef")
        assert seen == [b"abcd", b"ef"]
        socket.destroy()
        await turns()

    async def test_an_empty_buffer_is_an_error(self) -> None:
        onread = {"buffer": bytearray(), "callback": pytest.fail}
        socket, _, protocol = self.joined(onread=onread)
        await turns()
        failed: Deferred[Any] = Deferred()
        socket.on("error", failed.callback)
        protocol.dataReceived(b"abc")
        assert (await failed).errno == errno.ENOBUFS
        await turns()

    async def test_writing_when_it_is_lost_is_a_broken_pipe(self) -> None:
        socket, _, protocol = self.joined(allowHalfOpen=True)
        socket.resume()
        protocol.connectionLost(Failure(ConnectionDone()))
        await turns()
        failed: Deferred[Any] = Deferred()
        socket.on("error", failed.callback)
        socket.write(b"x")
        assert (await failed).errno == errno.EPIPE
        await turns()


class TestPipes:
    async def test_a_process_is_spoken_to_over_its_pipes(self) -> None:
        made: Deferred[net.Socket] = Deferred()
        await endpoints.ProcessEndpoint(reactor, "/bin/cat", ["cat"]).connect(
            NodeFactory(made.callback)
        )
        socket = await made
        socket.end(LARGE)  # closes its stdin
        assert await heard(socket) == LARGE

    def test_a_process_speaks_over_its_own(self) -> None:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("over_stdio.py"))],
            check=False,
            input=LARGE,
            capture_output=True,
            timeout=60,
        )
        assert (done.stderr, done.returncode) == (b"", 0)
        assert done.stdout == LARGE


class TestChannelsOfSSH:
    """Sockets at both ends of a channel: on the channel itself, and on a session's process."""

    @pytest.fixture(autouse=True)
    def keys(self) -> None:
        pytest.importorskip("bcrypt", reason="Twisted's SSH needs bcrypt")

    async def joined(self, listener: Callable[[net.Socket], object]) -> tuple[Any, Any, Any]:
        """A port, and a client with its socket."""
        from ssh import Client, Server

        factory = NodeFactory(listener, allowHalfOpen=True)
        port: Any = await Own().listen(Server(lambda: factory.buildProtocol(None)))
        client: Any = await endpoints.connectProtocol(Own().client(port), Client())
        return port, client, net.Socket.fromTransport(await client.opened, allowHalfOpen=True)

    async def closed(self, port: Any, client: Any) -> None:
        client.transport.loseConnection()
        while port.connections:
            await turns(1)
        await port.stopListening()

    async def test_an_echo(self) -> None:
        port, client, socket = await self.joined(lambda peer: peer.pipe(peer))
        assert not socket.write(LARGE)
        received = 0
        async for chunk in socket:
            received += len(chunk)
            if received == len(LARGE):
                socket.end()
                break
        await self.closed(port, client)

    async def test_the_end_is_heard(self) -> None:
        ended: Deferred[net.Socket] = Deferred()
        port, client, socket = await self.joined(
            lambda peer: peer.resume().on("end", lambda: ended.callback(peer))
        )
        socket.end(b"bye")
        (await ended).end(b"you too")
        assert await heard(socket) == b"you too"
        await self.closed(port, client)

    @pytest.mark.parametrize("floods", ["server", "client"])
    async def test_who_does_not_read_is_sent_a_window_full(self, floods: str) -> None:
        made: Deferred[net.Socket] = Deferred()
        port, client, near = await self.joined(made.callback)
        far = await made
        sender, receiver = (far, near) if floods == "server" else (near, far)
        channel = await client.opened
        drained = events.once(sender, "drain")
        assert not sender.write(LARGE)
        while channel.localWindowLeft if floods == "server" else channel.remoteWindowLeft:
            await turns(1)
        await turns(20)
        assert receiver.bytesRead == 131_072
        assert not drained.called
        received = 0
        async for chunk in receiver:
            received += len(chunk)
            if received == len(LARGE):
                break
        await drained
        await self.closed(port, client)


def test_a_link_provides_what_others_expect_of_it() -> None:
    link = StreamLink(pollerOf())
    link.makeConnection(StringTransport())
    for interface in (IStreamLink, IProtocol, IHalfCloseableProtocol, IPushProducer):
        assert verifyObject(interface, link)
    assert verifyObject(IProtocolFactory, NodeFactory(print))
    link.close()
