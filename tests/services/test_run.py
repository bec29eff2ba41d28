"""A program of Node's kind as a service, in a process that lives on."""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import certificates
import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.python.failure import Failure

from nodenet import dgram, net
from nodenet.endpoints import StreamServerEndpoint, parse
from nodenet.events import once
from nodenet.loop import openHandles, pollerOf
from nodenet.services import CannotStart, RunService
from nodenet.services._stats import State

HOST = "127.0.0.1"


def echo() -> net.Server:
    return net.createServer(lambda client: client.pipe(client)).listen(0, HOST)


def port(service: RunService, index: int = 0) -> int:
    return int(service.listening[index].rpartition(":")[2])


def figures(service: RunService) -> dict[str, Any]:
    """Those of the only listener."""
    values: dict[str, Any]
    (values,) = service.counters.export()["listeners"].values()
    return values


def state(service: RunService) -> State:
    """How it is, as ``/health`` says it."""
    return service._state


def started(program: Callable[..., object], *args: str, **keywords: Any) -> RunService:
    service = RunService(program, args, **keywords)
    service.startService()
    return service


async def turn() -> None:
    """Let what is due happen."""
    later: Deferred[None] = Deferred()
    pollerOf().callLater(0, later.callback, None, ref=False)
    await later


def refused(program: Callable[..., object], capfd: pytest.CaptureFixture[str]) -> str:
    """The line with which it refuses to start; nothing is open then."""
    before = openHandles()
    with pytest.raises(CannotStart) as found:
        started(program)
    assert openHandles() == before
    assert capfd.readouterr().err == f"nodenet: {found.value}\n"
    return str(found.value)


# -- what it gives back -------------------------------------------------------------------------


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


# -- its end ------------------------------------------------------------------------------------


async def test_connections_finish() -> None:
    service = started(echo, grace=3600)
    client = net.createConnection(port(service), HOST)
    client.write("ping")
    received = [await once(client, "data")]
    stopped = service.stopService()
    client.end("last words")
    received.append(await once(client, "data"))
    await stopped
    assert received == [(b"ping",), (b"last words",)]


async def test_not_for_ever() -> None:
    service = started(echo, grace=0.1)
    client = net.createConnection(port(service), HOST)
    client.write("ping")
    await once(client, "data")
    stopped = service.stopService()
    await once(client, "close")
    await stopped


async def test_a_handshake_is_cut_off(tmp_path: Path) -> None:
    key, cert = certificates.files(tmp_path)
    endpoint = parse(f"ssl:0:interface={HOST}:privateKey={key}:certKey={cert}")
    assert isinstance(endpoint, StreamServerEndpoint)
    made: list[net.Server] = []

    def program() -> net.Server:
        made.append(endpoint.serve(lambda socket: None))
        return made[0]

    service = started(program, grace=0.0)
    client = net.createConnection(port(service), HOST)
    closed: Deferred[None] = Deferred()
    client.on("error", lambda _: None)
    client.on("close", lambda _: closed.callback(None))
    while not made[0]._connections:
        await turn()
    await service.stopService()
    await closed


async def test_whoever_hurries_does_not_wait() -> None:
    service = started(echo, grace=3600)
    client = net.createConnection(port(service), HOST)
    client.write("ping")
    await once(client, "data")
    stopped = service.stopService()
    service._hurry()
    await once(client, "close")
    await stopped


async def test_it_ends_when_nothing_is_open() -> None:
    ended: Deferred[int] = Deferred()
    service = started(lambda: None, ended=ended.callback)
    assert not ended.called
    assert await ended == 0
    await service.stopService()


async def test_it_ends_when_it_closes_itself() -> None:
    ended: Deferred[int] = Deferred()
    server = net.createServer(lambda client: server.close())
    service = started(lambda: server.listen(0, HOST), ended=ended.callback)
    for _ in range(3):
        await turn()
    assert not ended.called
    client = net.createConnection(port(service), HOST)
    client.end()
    await once(client, "close")
    assert await ended == 0
    await service.stopService()


async def test_who_watches_it_does_not_keep_it_going() -> None:
    ended: Deferred[int] = Deferred()
    service = started(lambda: None, stats="0", ended=ended.callback)
    assert await ended == 0
    await service.stopService()


async def test_a_service_of_twisteds_has_no_end() -> None:
    ended: list[int] = []
    service = started(Service, ended=ended.append)
    for _ in range(3):
        await turn()
    assert ended == []
    await service.stopService()


async def test_sys_exit_ends_it_with_its_status() -> None:
    ended: Deferred[int] = Deferred()

    def main() -> net.Server:
        def serve(client: net.Socket) -> None:
            client.destroy()
            raise SystemExit(3)

        return net.createServer(serve).listen(0, HOST)

    service = started(main, ended=ended.callback)
    client = net.createConnection(port(service), HOST)
    await once(client, "close")
    assert await ended == 3
    await service.stopService()


async def test_it_can_be_started_again() -> None:
    service = RunService(echo)
    for _ in range(2):
        service.startService()
        while not service.ready:
            await turn()
        client = net.createConnection(port(service), HOST)
        client.end("again")
        assert await once(client, "data") == (b"again",)
        await once(client, "close")
        await service.stopService()


# -- trouble ------------------------------------------------------------------------------------


def crash() -> None:
    echo()
    raise ValueError("bad")


async def reject() -> None:
    echo()
    raise ValueError("bad")


@pytest.mark.parametrize("program", [crash, reject])
def test_what_fails_at_once_leaves_nothing_open(
    program: Callable[[], Coroutine[Any, Any, None] | None], capfd: pytest.CaptureFixture[str]
) -> None:
    assert refused(program, capfd) == f"{program.__name__}: ValueError: bad"


def test_a_port_that_is_taken(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        for host in (HOST, None):
            line = refused(lambda: net.createServer().listen(taken, *[host] * bool(host)), capfd)  # noqa: B023 - called at once
            assert "listen EADDRINUSE: address already in use" in line


def test_an_exception_in_a_tick(capfd: pytest.CaptureFixture[str]) -> None:
    assert "ZeroDivisionError" in refused(lambda: pollerOf().nextTick(lambda: 1 / 0), capfd)


async def test_a_program_may_try_again_itself() -> None:
    server = net.createServer()

    def again(error: OSError) -> None:
        server.off("error", again)
        server.listen(0, HOST)

    def main() -> net.Server:
        server.on("error", again)
        return server.listen("/proc/self/none")

    service = started(main)
    assert port(service) == server.address().port
    await service.stopService()


async def test_an_exception_of_a_listener_is_logged_and_ends_nothing(
    flushLoggedErrors: Callable[..., list[Failure]],
) -> None:
    ended: list[int] = []

    def serve(client: net.Socket) -> None:
        client.end("bye")
        raise ZeroDivisionError

    service = started(lambda: net.createServer(serve).listen(0, HOST), ended=ended.append)
    for _ in range(2):
        client = net.createConnection(port(service), HOST)
        assert await once(client, "data") == (b"bye",)
        client.end()
        await once(client, "close")
        assert len(flushLoggedErrors(ZeroDivisionError)) == 1
    assert ended == []
    await service.stopService()
