"""Ports and connectors: what factories see of them."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import pytest
from twisted.internet import error, reactor
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionLost, NotConnectingError, UserError
from twisted.internet.interfaces import IConnector, IListeningPort
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from nodenet.loop import openHandles, pollerOf
from nodenet.transports import tcp, unix
from nodenet.transports.connector import Connector
from nodenet.transports.port import StreamPort
from nodenet.transports.tcp import TCPTransport


class Counting(Factory):
    """Remembers the addresses it made protocols for."""

    noisy = False

    def __init__(self, make: Any = Protocol) -> None:
        self.make = make
        self.told: list[str] = []
        self.addresses: list[Any] = []

    def startFactory(self) -> None:
        self.told.append("start")

    def stopFactory(self) -> None:
        self.told.append("stop")

    def buildProtocol(self, addr: Any) -> Any:
        self.addresses.append(addr)
        return self.make()


class Client(ClientFactory):
    noisy = False
    protocol = Protocol

    def __init__(self) -> None:
        self.told: list[str] = []
        self.stopped: Deferred[None] = Deferred()
        self.reason = Failure(AssertionError("nothing has failed"))

    def startFactory(self) -> None:
        self.told.append("start")

    def startedConnecting(self, connector: Any) -> None:
        self.told.append("connecting")

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.told.append("failed")
        self.reason = reason

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        self.told.append("lost")
        self.reason = reason

    def stopFactory(self) -> None:
        self.told.append("stop")
        self.stopped.callback(None)


def opener(address: Any = ("127.0.0.1", 0)) -> Any:
    return partial(tcp.listen, address, 10, ipv6Only=False, reusePort=False)


def started(factory: Any, **options: Any) -> StreamPort:
    port = StreamPort(pollerOf(), factory, opener(), **options)
    port.startListening()
    return port


def connector(address: tuple[str, int], factory: Any, timeout: float | None = 30) -> Connector:
    made = Connector(
        pollerOf(),
        factory,
        IPv4Address("TCP", *address),
        address,
        lambda: TCPTransport.open(pollerOf(), socket.AF_INET),
        timeout,
    )
    made.connect()
    return made


async def until(condition: Any) -> None:
    while not condition():
        await deferLater(reactor, 0)


class TestPort:
    async def test_a_factory_is_started_asked_and_stopped(self) -> None:
        factory = Counting()
        port = started(factory)
        assert verifyObject(IListeningPort, port)
        assert factory.told == ["start"]
        with socket.create_connection((port.getHost().host, port.getHost().port)) as client:
            await until(lambda: factory.addresses)
            assert factory.addresses == [IPv4Address("TCP", *client.getsockname())]
            assert port.connections == 1
        await until(lambda: not port.connections)
        await port.stopListening()
        assert factory.told == ["start", "stop"]
        await port.stopListening()
        assert factory.told == ["start", "stop"]
        assert port.getHost().port

    async def test_it_can_listen_again(self) -> None:
        factory = Counting()
        port = started(factory)
        await port.stopListening()
        port.startListening()
        assert port.connected
        await port.stopListening()
        assert factory.told == ["start", "stop"] * 2

    async def test_no_protocol_means_no_connection(self) -> None:
        port = started(Counting(lambda: None))
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            await until(lambda: port.factory.addresses)  # type: ignore[attr-defined]  # ours
            client.settimeout(60)
            assert client.recv(1) == b""
        assert port.connections == 0
        await port.stopListening()

    async def test_a_factory_that_raises_costs_its_connection_only(
        self, flushLoggedErrors: Any
    ) -> None:
        factory = Counting(lambda: 1 / 0)
        port = started(factory)
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            await until(lambda: factory.addresses)
            assert client.recv(1) == b""
        factory.make = Protocol
        with socket.create_connection(("127.0.0.1", port.getHost().port)):
            await until(lambda: port.connections)
        await until(lambda: not port.connections)
        assert len(flushLoggedErrors(ZeroDivisionError)) == 1
        await port.stopListening()

    def test_a_port_in_use_is_told_both_ways(self) -> None:
        factory = Counting()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = StreamPort(pollerOf(), factory, opener(taken.getsockname()))
            with pytest.raises(CannotListenError) as caught:
                port.startListening()
            assert isinstance(caught.value, OSError)
            assert caught.value.code == "EADDRINUSE"  # type: ignore[attr-defined]  # Node's
        assert factory.told == []
        with pytest.raises(CannotListenError):
            port.getHost()

    async def test_who_is_not_admitted_is_closed(self) -> None:
        factory = Counting()
        seen: list[Any] = []
        port = started(factory, admit=seen.append)
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            await until(lambda: seen)
            assert client.recv(1) == b""
            assert seen == [client.getsockname()]
        assert factory.addresses == []
        await port.stopListening()

    async def test_transports_are_prepared_before_their_protocols(self) -> None:
        class Looking(Protocol):
            def connectionMade(self) -> None:
                seen.append(self.transport.getTcpNoDelay())
                self.transport.loseConnection()

        seen: list[bool] = []
        port = started(Counting(Looking), prepare=lambda transport: transport.setNoDelay(True))
        with socket.create_connection(("127.0.0.1", port.getHost().port)):
            await until(lambda: seen)
        assert seen == [True]
        await port.stopListening()

    async def test_a_paused_port_lets_them_wait(self) -> None:
        factory = Counting()
        port = started(factory)
        port.pauseProducing()
        with socket.create_connection(("127.0.0.1", port.getHost().port)):
            for _ in range(5):
                await deferLater(reactor, 0)
            assert factory.addresses == []
            port.resumeProducing()
            await until(lambda: port.connections)
        await until(lambda: not port.connections)
        await port.stopListening()

    async def test_unix_connections_have_unix_addresses(self, socketPath: Any) -> None:
        path = socketPath("s")
        factory = Counting()
        port = StreamPort(pollerOf(), factory, lambda: unix.listen(path, 5))
        port.startListening()
        assert port.getHost() == UNIXAddress(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            await until(lambda: factory.addresses)
        assert factory.addresses == [UNIXAddress(None)]
        await until(lambda: not port.connections)
        await port.stopListening()

    async def test_a_stopping_reactor_stops_the_factory(self) -> None:
        factory = Counting()
        port = started(factory)
        [descriptor] = openHandles()
        descriptor.connectionLost(Failure(ConnectionLost()))
        assert factory.told == ["start", "stop"]
        assert not port.connected

    def test_it_says_what_runs_where(self) -> None:
        port = started(Counting())
        assert f"Counting on {port.getHost()}" in repr(port)
        assert repr(port) in repr(openHandles())
        port.stopListening()
        assert "not listening" in repr(port)


class TestConnector:
    async def test_a_refused_connection_is_told_in_nodes_words(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = unused.getsockname()
            client = Client()
            made = connector(address, client)
            assert verifyObject(IConnector, made)
            await client.stopped
        assert client.told == ["start", "connecting", "failed", "stop"]
        assert client.reason.check(error.ConnectionRefusedError)
        assert client.reason.value.code == "ECONNREFUSED"
        assert str(client.reason.value) == f"connect ECONNREFUSED 127.0.0.1:{address[1]}"

    async def test_connecting_may_be_given_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = Client()
            made = connector(server.getsockname(), client)
            made.disconnect()
            await client.stopped
            assert client.told == ["start", "connecting", "failed", "stop"]
            assert client.reason.check(UserError)
            with pytest.raises(NotConnectingError):
                made.stopConnecting()

    async def test_it_takes_only_so_long(self) -> None:
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        client = Client()
        connector(full.getsockname(), client, timeout=0.05)
        await client.stopped
        assert client.reason.check(error.TimeoutError)
        for one in (full, *waiting):
            one.close()

    async def test_a_factory_may_connect_again(self) -> None:
        class Stubborn(Client):
            attempts = 0

            def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
                super().clientConnectionLost(connector, reason)
                self.attempts += 1
                if self.attempts < 3:
                    connector.connect()

        class Closing(Protocol):
            def connectionMade(self) -> None:
                self.transport.loseConnection()

        port = started(Counting(Closing))
        client = Stubborn()
        made = connector(("127.0.0.1", port.getHost().port), client)
        with pytest.raises(RuntimeError):
            made.connect()
        await client.stopped
        assert client.told == ["start", *["connecting", "lost"] * 3, "stop"]
        await port.stopListening()
