"""Sockets over transports that are not nodenet's own, and that others hand over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from foreign import HUGE, KINDS, LARGE, OverTLS, Own, Stock, heard, joined, turns
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from nodenet import events, net
from nodenet.errors import ERR_INVALID_HANDLE_TYPE, ERR_SOCKET_CLOSED
from nodenet.interfaces import IStreamLink
from nodenet.loop import pollerOf
from nodenet.net import NodeFactory
from nodenet.net._foreign import StreamLink

pytestmark = pytest.mark.filterwarnings("ignore:.*pyOpenSSL:DeprecationWarning")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Stock:
    return KINDS[request.param]


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


async def test_what_wraps_a_connection_can_close_it(kind: Stock) -> None:
    """As a time-out of Twisted's policies does; the socket is the producer of what is below."""
    served: list[net.Socket] = []
    wraps = WrappingFactory(NodeFactory(served.append))
    port = await kind.listen(wraps)
    made: Deferred[net.Socket] = Deferred()
    await kind.connect(port, NodeFactory(made.callback))
    client = await made
    client.resume().write(b"x")
    while not served:
        await turns(1)
    served[0].write(b"x")
    await events.once(client, "data")
    (wrapper,) = wraps.protocols
    wrapper.loseConnection()
    await events.once(served[0].resume(), "close")
    assert served[0].errored is None
    if not client.destroyed:
        await events.once(client, "close")
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


def test_a_link_provides_what_others_expect_of_it() -> None:
    link = StreamLink(pollerOf())
    link.makeConnection(StringTransport())
    for interface in (IStreamLink, IProtocol, IHalfCloseableProtocol, IPushProducer):
        assert verifyObject(interface, link)
    assert verifyObject(IProtocolFactory, NodeFactory(print))
    link.close()
