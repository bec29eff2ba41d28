"""A program of Node's kind as a service, in a process that lives on: what it may give back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from services.runs import HOST, echo, figures, port, refused, started, state
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port

from nodenet import dgram, net
from nodenet.events import once
from nodenet.loop import openHandles, pollerOf
from nodenet.services import RunService
from nodenet.services._stats import State


async def test_a_server_is_counted_and_closed() -> None:
    service = started(echo)
    client = net.createConnection(port(service), HOST)
    client.end("12345")
    assert await once(client, "data") == (b"12345",)
    await once(client, "close")
    assert figures(service)["receivedBytes"] == figures(service)["sentBytes"] == 5
    assert figures(service)["connectionsAccepted"] == 1
    await service.stopService()
    assert service.listening == []


async def test_it_is_bound_before_privileges_go() -> None:
    service = RunService(echo)
    assert service.listening == []
    service.privilegedStartService()
    assert port(service)
    service.startService()
    await service.stopService()


async def test_several_from_a_coroutine() -> None:
    async def main(word: str) -> list[Any]:
        server = echo()
        await once(server, "listening")
        return [server, dgram.createSocket(word).bind(0, HOST), None]

    service = started(main, "udp4")
    assert [where.split(":")[0] for where in service.listening] == [
        f"tcp {HOST}",
        f"udp {HOST}",
    ]
    assert service.ready
    await service.stopService()


async def test_the_datagrams_of_a_socket_are_counted() -> None:
    def main() -> dgram.Socket:
        made = dgram.createSocket("udp4")
        made.on("message", lambda data, peer: made.send(data, peer.port, peer.address))
        return made.bind(0, HOST)

    service = started(main)
    client = dgram.createSocket("udp4")
    for _ in range(3):
        client.send("hello", port(service), HOST)
        await once(client, "message")
    assert client.getSentCount() == client.getReceivedCount() == 3
    client.close()
    assert client.getSentCount() == 3
    await service.stopService()
    assert figures(service)["datagramsReceived"] == figures(service)["datagramsSent"] == 3
    assert "receivedBytes" not in figures(service)


async def test_what_listens_later_is_not_ready_yet() -> None:
    server = net.createServer()
    bound: Deferred[net.Server] = Deferred()
    service = started(lambda: bound)
    assert state(service) is State.STARTING
    bound.callback(server)
    assert state(service) is State.STARTING
    assert service.listening == []
    server.listen(0, HOST)
    await once(server, "listening")
    assert state(service) is State.SERVING
    assert port(service) == server.address().port
    await service.stopService()
    assert state(service) is State.DRAINING


async def test_a_service_of_twisteds() -> None:
    steps: list[str] = []

    class Inner(Service):
        def privilegedStartService(self) -> None:
            steps.append("privileged")

        def startService(self) -> None:
            steps.append("start")

        def stopService(self) -> None:
            steps.append("stop")

    service = RunService(Inner)
    service.privilegedStartService()
    assert steps == ["privileged"]
    service.startService()
    await service.stopService()
    assert steps == ["privileged", "start", "stop"]


async def test_anything_that_closes() -> None:
    closed: list[str] = []

    class Telling:
        def close(self, callback: Callable[[], object]) -> None:
            closed.append("telling")
            pollerOf().callLater(0, callback)

    class Plain:
        def close(self) -> Deferred[None]:
            closed.append("plain")
            return succeed(None)

    service = started(lambda: (Telling(), Plain()))
    await service.stopService()
    assert closed == ["telling", "plain"]


async def test_a_close_that_takes_something_else_gets_no_callback() -> None:
    class Patient:
        waited: object = None

        def close(self, seconds: float = 5.0) -> None:
            self.waited = seconds

    patient = Patient()
    await started(lambda: patient, grace=3600).stopService()
    assert patient.waited == 5.0


async def test_a_port_of_twisteds() -> None:
    reactor = pollerOf().reactor
    endpoint = TCP4ServerEndpoint(reactor, 0, interface=HOST)
    service = started(lambda: endpoint.listen(Factory()), grace=3600)  # it does not wait for that
    (port,) = (one for one in reactor.getReaders() if isinstance(one, Port))
    await service.stopService()
    assert port.disconnected


def test_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    for given in (5, net.Server):  # a class has a close(), but nothing of it is open
        line = refused(lambda given=given: given, capfd)
        assert line.endswith(f"{given!r}: no server, no service, nothing else with a close()")


def test_a_generator_is_a_mistake(capfd: pytest.CaptureFixture[str]) -> None:
    line = refused(lambda: (echo() for _ in range(1)), capfd)
    assert line.endswith(", which nobody runs: it has a yield, and no await")


async def test_a_coroutine_that_serves_is_cancelled() -> None:
    steps: list[str] = []

    async def main() -> None:
        async with echo() as server:
            try:
                await once(server, "never")
            finally:
                steps.append("ends")
        steps.append("closed")

    service = started(main)
    assert openHandles()
    await service.stopService()
    assert steps == ["ends"]
    assert openHandles() == []
