"""Parts of Twisted that take endpoints and protocols, on nodenet's."""

from __future__ import annotations

from typing import Any

import pytest
from machine import keptPort
from twisted.application.internet import ClientService, StreamServerEndpointService
from twisted.internet import error, reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.names import authority, dns, server
from zope.interface.verify import verifyObject

from nodenet import net
from nodenet.endpoints import datagramServerFromString
from nodenet.events import once
from nodenet.transports.tcp import TCPTransport


class Greeted(Protocol):
    """Knows what it has heard."""

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard.callback(data)


async def greeting(port: int = 0) -> tuple[net.Server, list[net.Socket]]:
    """A server that greets, and whom it has greeted."""
    greeted: list[net.Socket] = []

    def greet(client: net.Socket) -> None:
        greeted.append(client)
        client.write("hello")

    made = net.createServer(greet).listen(port, "127.0.0.1")
    await once(made, "listening")
    return made, greeted


async def test_a_client_service_connects_again_and_stops() -> None:
    made, greeted = await greeting()
    endpoint = clientFromString(reactor, f"node:tcp:127.0.0.1:{made.address().port}")
    service = ClientService(endpoint, Factory.forProtocol(Greeted), retryPolicy=lambda _: 0)
    service.startService()
    first: Any = await service.whenConnected()
    assert isinstance(first.transport, TCPTransport)
    assert await first.heard == b"hello"
    greeted[0].destroy()
    while len(greeted) < 2:
        await deferLater(reactor, 0)
    second: Any = await service.whenConnected()
    assert second is not first
    assert await second.heard == b"hello"
    await service.stopService()
    assert second.transport.disconnected
    made.close()
    await once(made, "close")
    with pytest.raises(CancelledError):
        await service.whenConnected()


async def test_a_client_service_waits_for_a_server_that_is_late() -> None:
    tried: list[int] = []

    def policy(attempt: int) -> float:
        tried.append(attempt)
        return 0.001

    with keptPort() as where:
        endpoint = clientFromString(reactor, f"node:tcp:127.0.0.1:{where}")
        service = ClientService(endpoint, Factory.forProtocol(Greeted), retryPolicy=policy)
        service.startService()
        with pytest.raises(error.ConnectionRefusedError):
            await service.whenConnected(failAfterFailures=2)
        late, _ = await greeting(where)
    protocol: Any = await service.whenConnected()
    assert await protocol.heard == b"hello"
    assert tried
    await service.stopService()
    late.close()
    await once(late, "close")


async def test_a_client_service_stops_while_it_connects() -> None:
    made, _ = await greeting()
    endpoint = clientFromString(reactor, f"node:tcp:127.0.0.1:{made.address().port}")
    service = ClientService(endpoint, Factory.forProtocol(Greeted))
    service.startService()
    waiting = service.whenConnected()
    await service.stopService()
    with pytest.raises(CancelledError):
        await waiting
    made.close()
    await once(made, "close")


@pytest.mark.parametrize("text", ["node:tcp:0:interface=127.0.0.1:maxConnections=5", "node:unix:"])
async def test_a_server_service_starts_and_stops(text: str, socketPath: Any) -> None:
    where = text + (socketPath("service") if text.endswith("unix:") else "")
    endpoint = serverFromString(reactor, where)
    service = StreamServerEndpointService(endpoint, Factory.forProtocol(Greeted))
    service.privilegedStartService()
    waiting: Any = service._waitingForPort
    port: Any = await waiting
    assert verifyObject(IListeningPort, port)
    assert port.connected
    await service.stopService()
    assert not port.connected


class Asking:
    """What a `DNSDatagramProtocol` of a client needs of whoever has it."""

    def pickID(self) -> int:
        return 77

    def messageReceived(self, *_: Any) -> None:
        """Nobody else asks."""


async def test_names_are_asked_for_and_told_over_udp(tmp_path: Any) -> None:
    (tmp_path / "zone").write_text(
        "zone = [SOA('example.test', mname='ns.example.test', rname='root.example.test',\n"
        "            serial=1, refresh=60, retry=60, expire=60, minimum=60),\n"
        "        A('www.example.test', '192.0.2.7')]\n"
    )
    factory = server.DNSServerFactory([authority.PySourceAuthority(str(tmp_path / "zone"))])
    factory.noisy = False
    where = "udp:0:interface=127.0.0.1"
    serving: Any = await datagramServerFromString(reactor, where).listen(
        dns.DNSDatagramProtocol(factory)
    )
    protocol = dns.DNSDatagramProtocol(Asking())
    asking: Any = await datagramServerFromString(reactor, f"node:{where}").listen(protocol)
    queries = [dns.Query(b"www.example.test", dns.A)]
    answer: Any = await protocol.query(("127.0.0.1", serving.getHost().port), queries)
    assert [record.payload.dottedQuad() for record in answer.answers] == ["192.0.2.7"]
    for port in (serving, asking):
        await port.stopListening()
