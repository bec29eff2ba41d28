"""TLS on either side of a relay, by the strings that Twisted has for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certificates
import pytest
from pytest_twisted import blockon
from services.relays import TCP, Log, Relays, echo, everything, outcome, port, tally, where
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import formatEvent
from twisted.python.failure import Failure

from nodenet import net
from nodenet.events import once
from nodenet.loop import pollerOf
from nodenet.services import RelayService
from nodenet.testing import ClockedReactor, Guard

DATA = os.urandom(10_000_000)
reactor: Any = pollerOf().reactor


class Stage(Relays):
    """With what TLS needs."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._ports: list[Any] = []
        self._key, self._cert = certificates.files(directory)

    def tls(self, to: str, kind: str = "nodenet's", **options: Any) -> RelayService:
        """A relay that listens for TLS."""
        files = f"privateKey={self._key}:certKey={self._cert}"
        listen: Any = f"ssl:0:{files}:interface=127.0.0.1"
        if kind == "Twisted's":
            listen = [
                SSL4ServerEndpoint(reactor, 0, certificates.serverOptions(), interface="127.0.0.1")
            ]
        return self.start(listen, to, **options)

    async def tlsTarget(
        self, listener: Callable[[net.Socket], object], trusted: bool = True
    ) -> str:
        """A TLS server; how ``--connect`` says it."""
        endpoint = SSL4ServerEndpoint(
            reactor, 0, certificates.serverOptions(), interface="127.0.0.1"
        )
        factory = net.NodeFactory(lambda socket: listener(self._keep(socket)), allowHalfOpen=True)
        self._ports.append(await endpoint.listen(factory))
        at = self._ports[-1].getHost().port
        return f"tls:localhost:{at}" + (f":trustRoots={self._directory}" if trusted else "")

    async def tlsClient(self, service: Any) -> net.Socket:
        """Somebody who has connected to a relay that speaks TLS."""
        joined: Deferred[net.Socket] = Deferred()
        endpoint = wrapClientTLS(
            certificates.clientOptions(), TCP4ClientEndpoint(reactor, "127.0.0.1", port(service))
        )
        await endpoint.connect(net.NodeFactory(joined.callback, allowHalfOpen=True))
        return self._keep(await joined)

    async def stop(self) -> None:
        await super().stop()
        for opened in self._ports:
            await opened.stopListening()


@pytest.fixture
def stage(guard: Guard, tmp_path: Path) -> Iterator[Stage]:
    opened = Stage(tmp_path)
    yield opened
    blockon(Deferred.fromCoroutine(opened.stop()))


both = pytest.mark.parametrize("kind", ["nodenet's", "Twisted's"])


@pytest.mark.parametrize(("before", "behind"), [(True, False), (False, True), (True, True)])
@both
async def test_every_byte_goes_there_and_back(
    stage: Stage, kind: str, before: bool, behind: bool
) -> None:
    to = await (stage.tlsTarget(echo) if behind else stage.target(echo))
    service = stage.tls(to, kind) if before else stage.start(TCP, to)
    client = await (stage.tlsClient(service) if before else stage.client(service))
    client.write(DATA)
    heard, size = hashlib.sha256(), 0
    done: Deferred[None] = Deferred()

    def take(chunk: bytes) -> None:
        nonlocal size
        heard.update(chunk)
        size += len(chunk)
        if size == len(DATA):
            done.callback(None)

    client.on("data", take)
    await done
    assert heard.digest() == hashlib.sha256(DATA).digest()


@both
async def test_a_client_s_end_is_the_end_for_the_target(stage: Stage, log: Log, kind: str) -> None:
    heard: Deferred[bytes] = Deferred()

    async def take(socket: net.Socket) -> None:
        heard.callback(await everything(socket))
        socket.end()

    service = stage.tls(await stage.target(take), kind)
    client = await stage.tlsClient(service)
    client.end("all of it")
    assert await heard == b"all of it"
    assert (await log.says("bytes in"))["why"] == "ended"


@both
async def test_a_target_s_end_comes_behind_all_it_has_said(
    stage: Stage, log: Log, kind: str
) -> None:
    service = stage.tls(await stage.target(lambda one: one.resume().end(DATA)), kind)
    client = await stage.tlsClient(service)
    assert await everything(client) == DATA
    client.end()
    assert (await log.says("bytes in"))["why"] == "ended"


@both
async def test_what_a_target_says_behind_a_client_s_end_is_lost_and_said(
    stage: Stage, log: Log, kind: str
) -> None:
    """TLS as Twisted has it knows no half-close: the end of one direction is that of both."""
    targets: list[net.Socket] = []
    service = stage.tls(await stage.target(targets.append), kind)
    client = await stage.tlsClient(service)
    client.end("?")
    while not targets or not targets[0].readableLength:
        await deferLater(reactor, 0)
    target = targets[0]
    ended = once(target, "end")
    target.resume()
    await ended
    target.end(DATA)
    said = await log.says("bytes in")
    assert said["why"] == "client failed"
    assert await outcome(target) in ("ECONNRESET", "EPIPE")


@both
async def test_a_reset_does_not_look_like_an_end(stage: Stage, log: Log, kind: str) -> None:
    """TLS has an end of its own; a client that does not get it knows that something is missing."""

    def cut(socket: net.Socket) -> None:
        socket.once("data", lambda _: socket.resetAndDestroy())

    lost: Deferred[Failure] = Deferred()

    class Client(Protocol):
        def connectionMade(self) -> None:
            self.transport.write(b"?")

        def connectionLost(self, reason: Failure = Failure(Exception())) -> None:  # noqa: B008
            lost.callback(reason.value)  # type: ignore[arg-type]

    service = stage.tls(await stage.target(cut), kind)
    endpoint = wrapClientTLS(
        certificates.clientOptions(), TCP4ClientEndpoint(reactor, "127.0.0.1", port(service))
    )
    await endpoint.connect(Factory.forProtocol(Client))
    assert "ConnectionDone" not in type(await lost).__name__
    assert log.ends[0]["why"] == "target failed"


@both
async def test_a_blocked_client_gets_no_handshake(stage: Stage, log: Log, kind: str) -> None:
    reached: list[net.Socket] = []
    to = await stage.target(reached.append)
    service = stage.tls(to, kind, block=["127.0.0.1"])
    assert await turned_away(service)
    assert tally(service)["connectionsBlocked"] == 1
    assert tally(service)["connectionsAccepted"] == 0
    assert not reached
    assert not log.ends


@both
async def test_who_is_over_the_limit_gets_no_handshake(stage: Stage, kind: str) -> None:
    service = stage.tls(await stage.target(echo), kind, maxConnections=1)
    first = await stage.tlsClient(service)
    first.write("1")
    await once(first, "data")
    assert await turned_away(service)
    assert tally(service)["connectionsDropped"] == 1


async def turned_away(service: RelayService) -> bool:
    """Whether somebody who connects to a relay is closed at once."""
    return await outcome(net.createConnection(where(service))) in ("end", "ECONNRESET")


async def test_who_does_not_speak_tls_never_reaches_the_target(stage: Stage) -> None:
    reached: list[net.Socket] = []
    service = stage.tls(await stage.target(reached.append))
    client = await stage.client(service)
    client.write("GET / HTTP/1.0\r\n\r\n")
    await outcome(client)
    assert not reached


async def stranger(stage: Stage, service: RelayService) -> str:
    """Somebody who does not speak TLS comes and goes; returns how the log would call him."""
    client = await stage.client(service)
    name = f"127.0.0.1:{client.localPort}"
    client.write("GET / HTTP/1.0\r\n\r\n")
    await outcome(client)
    return name


async def test_a_handshake_that_fails_is_counted_and_said(stage: Stage, log: Log) -> None:
    service = stage.tls(await stage.target(echo))
    assert tally(service)["handshakesFailed"] == 0
    name = await stranger(stage, service)
    said = await log.says("TLS handshake")
    assert tally(service)["handshakesFailed"] == 1
    assert tally(service)["connectionsAccepted"] == 0
    line = str(formatEvent(said))
    assert line.startswith(f"{service.listening[0]}: {name}: TLS handshake failed: ")
    assert line.endswith(("http request", "wrong version number"))


async def test_a_flood_of_those_is_counted_and_not_all_said(stage: Stage, log: Log) -> None:
    clock = ClockedReactor()
    service = stage.tls(await stage.target(echo), reactor=clock)
    for _ in range(30):
        client = await stage.client(service)
        client.write("GET / HTTP/1.0\r\n\r\n")
        gone = Deferred.fromCoroutine(outcome(client))
        while not gone.called:
            clock.advance(0)
            await deferLater(reactor, 0)
    assert tally(service)["handshakesFailed"] == 30
    assert len([line for line in log.lines if "TLS handshake" in line]) == 10


async def test_who_does_not_speak_tls_is_counted_by_what_has_tls_alone(stage: Stage) -> None:
    assert "handshakesFailed" not in tally(stage.start(TCP, await stage.target(echo)))


async def test_the_end_of_a_service_is_no_handshake_that_failed(stage: Stage, log: Log) -> None:
    service = stage.tls(await stage.target(echo))
    name = service.listening[0]
    client = await shaking(service)
    await service.stopService()
    await client.ended
    assert service.counters.export()["listeners"][name]["handshakesFailed"] == 0
    assert not [line for line in log.lines if "TLS handshake" in line]


async def shaking(service: RelayService) -> Any:
    """Somebody who was accepted, and has yet to shake hands."""
    plain = TCP4ClientEndpoint(reactor, "127.0.0.1", port(service))
    client = await plain.connect(Factory.forProtocol(Waiting))
    while not service._listeners[0].figures():
        await deferLater(reactor, 0)
    return client


class Waiting(Protocol):
    """Waits for its end."""

    def connectionMade(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.ended.callback(None)


async def test_a_handshake_that_goes_on_ends_with_the_service(stage: Stage) -> None:
    service = stage.tls(await stage.target(echo))
    client = await shaking(service)
    await service.stopService()
    await client.ended


async def test_a_handshake_that_goes_on_has_its_time_to_finish(stage: Stage) -> None:
    service = stage.tls(await stage.target(echo), grace=600.0)
    client = await shaking(service)
    stopped = service.stopService()
    assert not stopped.called
    client.transport.loseConnection()
    await stopped


async def test_who_comes_onto_a_list_while_hands_are_shaken_gets_no_further(
    stage: Stage, log: Log, tmp_path: Path
) -> None:
    reached: list[net.Socket] = []
    listed = tmp_path / "blocked"
    listed.write_text("")
    service = stage.tls(await stage.target(reached.append), block=[f"@{listed}"])
    client = await shaking(service)
    listed.write_text("127.0.0.1\n")
    service.reload()
    client.transport.startTLS(certificates.clientOptions())
    client.transport.write(b"hello")
    await client.ended
    assert [said["why"] for said in log.ends] == ["blocked"]
    assert not reached


async def test_that_is_said_where_twisted_listens(stage: Stage, log: Log) -> None:
    service = stage.tls(await stage.target(echo), "Twisted's")
    client = await stage.client(service)
    client.write("GET / HTTP/1.0\r\n\r\n")
    said = await log.says("client failed")
    assert "\n" not in said["because"]
    assert "http request" in said["because"] or "wrong version" in said["because"]
    await outcome(client)


async def test_a_target_that_never_shakes_hands_is_given_up(stage: Stage, log: Log) -> None:
    clock = ClockedReactor()
    silent = await stage.target(lambda _: None)
    to = silent.replace("tcp:127.0.0.1", "tls:localhost") + ":family=4"
    service = stage.start(TCP, to, connectTimeout=10, reactor=clock)
    client = await stage.client(service)
    while all(relay.target is None for relay in service._listeners[0].figures()):  # type: ignore[attr-defined]
        clock.advance(0)
        await deferLater(reactor, 0)
    clock.advance(9.9)
    assert not log.ends
    clock.advance(0.2)
    assert await outcome(client) == "ECONNRESET"
    assert log.ends[0]["why"] == "no answer from the target"
    assert tally(service)["errors"] == {"ETIMEDOUT": 1}


async def test_one_that_has_shaken_hands_has_answered(stage: Stage, log: Log) -> None:
    clock = ClockedReactor()
    service = stage.start(TCP, await stage.tlsTarget(echo), connectTimeout=10, reactor=clock)
    client = await stage.client(service)
    client.write("hello")
    heard = once(client, "data")
    while not heard.called:
        clock.advance(0)
        await deferLater(reactor, 0)
    clock.advance(11)
    assert not log.ends


async def test_a_target_that_is_not_trusted_gets_nothing(stage: Stage, log: Log) -> None:
    heard: list[bytes] = []
    to = await stage.tlsTarget(lambda one: one.on("data", heard.append), trusted=False)
    service = stage.start(TCP, to)
    client = await stage.client(service)
    client.write("a secret")
    assert await outcome(client) == "ECONNRESET"
    said = str(formatEvent(await log.says("target failed")))
    assert said.endswith(": target failed: certificate verify failed")
    assert tally(service)["errors"] == {"ERR_SSL_CERTIFICATE_VERIFY_FAILED": 1}
    assert not heard
