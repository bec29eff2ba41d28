"""How a program as a service ends: by itself, or because the service stops."""

from __future__ import annotations

from pathlib import Path

import certificates
from services.runs import HOST, echo, port, started, turn
from twisted.application.service import Service
from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.endpoints import StreamServerEndpoint, parse
from nodenet.events import once
from nodenet.services import RunService


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
