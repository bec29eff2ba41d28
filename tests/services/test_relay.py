"""Connections through a relay: what each side sees of the other, and what the log says."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from machine import NEEDS_IPV6
from pytest_twisted import blockon
from services.relays import (
    TCP,
    Held,
    Log,
    Relays,
    everything,
    listening,
    outcome,
    port,
    tally,
    where,
)
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import deferLater
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser
from zope.interface import implementer

from nodenet import net
from nodenet.endpoints import clientFromString
from nodenet.events import once
from nodenet.loop import pollerOf
from nodenet.services import CannotStart, RelayService
from nodenet.testing import ClockedReactor, Guard

reactor: Any = pollerOf().reactor
DATA = os.urandom(10_000_000)


@pytest.fixture
def log() -> Iterator[Log]:
    with listening() as heard:
        yield heard


@pytest.fixture
def relays(guard: Guard) -> Iterator[Relays]:
    opened = Relays()
    yield opened
    blockon(Deferred.fromCoroutine(opened.stop()))


def echo(socket: net.Socket) -> None:
    socket.pipe(socket)


# -- the bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("connect", ["tcp", "unix"])
@pytest.mark.parametrize("listen", ["tcp", "unix"])
async def test_every_byte_goes_there_and_back(
    relays: Relays, socketPath: Callable[[str], str], listen: str, connect: str
) -> None:
    to = await relays.target(echo, socketPath("target") if connect == "unix" else None)
    service = relays.start(TCP if listen == "tcp" else f"unix:{socketPath('relay')}", to)
    client = await relays.client(service)
    client.end(DATA)
    heard = await everything(client)
    assert hashlib.sha256(heard).digest() == hashlib.sha256(DATA).digest()


async def test_an_endpoint_of_twisted_s_serves_as_well(relays: Relays, log: Log) -> None:
    """One that takes the header of the PROXY protocol off: a relay behind a relay."""
    last = relays.start("haproxy:tcp:0:interface=127.0.0.1", await relays.target(echo))
    assert last.listening[0].startswith("haproxy 127.0.0.1:")
    first = relays.start(TCP, f"tcp:127.0.0.1:{port(last)}", proxyProtocol=2)
    client = await relays.client(first)
    client.write("hello")
    assert await once(client, "data") == (b"hello",)
    assert tally(last)["connectionsActive"] == 1
    await last.stopService()
    assert await outcome(client) == "ECONNRESET"


async def test_an_endpoint_that_takes_its_time_is_refused(relays: Relays) -> None:
    """A service is bound when it has started; privileges are given up then."""

    @implementer(IStreamServerEndpoint)
    class Slow:
        def listen(self, factory: Any) -> Deferred[Any]:
            return Deferred()

    with pytest.raises(CannotStart, match="a service has to be bound at once"):
        relays.start([Slow()], await relays.target(echo))


async def test_several_endpoints_lead_to_one_target(
    relays: Relays, socketPath: Callable[[str], str]
) -> None:
    service = relays.start([TCP, TCP, f"unix:{socketPath('relay')}"], await relays.target(echo))
    for index in range(3):
        client = await relays.client(service, index)
        client.end(f"{index}")
        assert await everything(client) == f"{index}".encode()


async def test_a_slow_reader_gets_every_byte(relays: Relays) -> None:
    service = relays.start(TCP, await relays.target(lambda socket: socket.end(DATA)))
    client = await relays.client(service)
    heard = hashlib.sha256()
    ended = once(client, "end")

    def take(chunk: bytes) -> None:
        heard.update(chunk)
        client.pause()
        reactor.callLater(0, client.resume)

    client.on("data", take)
    await ended
    assert heard.digest() == hashlib.sha256(DATA).digest()


async def test_who_does_not_read_stops_who_sends(relays: Relays) -> None:
    """What is on its way is bounded: of 200 MB most stay with who sends."""
    targets: list[net.Socket] = []
    service = relays.start(TCP, await relays.target(targets.append))
    client = await relays.client(service)
    for _ in range(200):
        client.write(bytes(1 << 20))
    while not tally(service)["receivedBytes"]:
        await turn()
    relayed, unchanged = -1, 0
    while unchanged < 100:
        await turn()
        now = tally(service)["receivedBytes"]
        unchanged = unchanged + 1 if now == relayed else 0
        relayed = now
    assert client.writableLength > 100 << 20


async def turn() -> None:
    """Let the reactor do what is due."""
    await deferLater(reactor, 0)


# -- the end of a direction, and of both ----------------------------------------------------


async def test_a_client_that_has_ended_still_hears_the_answer(relays: Relays) -> None:
    async def answer(socket: net.Socket) -> None:
        question = await everything(socket)
        socket.end(question.upper())

    service = relays.start(TCP, await relays.target(answer))
    client = await relays.client(service)
    client.end("a question")
    assert await everything(client) == b"A QUESTION"


async def test_a_target_that_has_ended_still_hears_the_client(relays: Relays) -> None:
    heard: Deferred[bytes] = Deferred()

    async def greet(socket: net.Socket) -> None:
        socket.end("that is all")
        heard.callback(await everything(socket))

    service = relays.start(TCP, await relays.target(greet))
    client = await relays.client(service)
    assert await everything(client) == b"that is all"
    client.end("thank you")
    assert await heard == b"thank you"


async def test_a_client_s_reset_reaches_the_target(relays: Relays, log: Log) -> None:
    joined: Deferred[net.Socket] = Deferred()
    service = relays.start(TCP, await relays.target(joined.callback))
    client = await relays.client(service)
    client.write("x")
    target = await joined
    await once(target, "data")
    client.resetAndDestroy()
    assert await outcome(target) == "ECONNRESET"
    assert (await log.says("client failed"))["error"].code == "ECONNRESET"
    assert tally(service)["errors"] == {"ECONNRESET": 1}


async def test_a_target_s_reset_reaches_the_client(relays: Relays, log: Log) -> None:
    def refuse(socket: net.Socket) -> None:
        socket.once("data", lambda _: socket.resetAndDestroy())

    service = relays.start(TCP, await relays.target(refuse))
    client = await relays.client(service)
    client.write("x")
    assert await outcome(client) == "ECONNRESET"
    assert (await log.says("target failed"))["error"].code == "ECONNRESET"
    assert tally(service)["errors"] == {"ECONNRESET": 1}


async def test_a_reset_ends_a_connection_of_a_unix_socket(
    relays: Relays, socketPath: Callable[[str], str]
) -> None:
    joined: Deferred[net.Socket] = Deferred()
    service = relays.start(TCP, await relays.target(joined.callback, socketPath("target")))
    client = await relays.client(service)
    target = await joined
    client.resetAndDestroy()
    assert await outcome(target) == "end"


# -- connecting -----------------------------------------------------------------------------


async def test_what_a_client_sends_meanwhile_waits_for_the_target(relays: Relays) -> None:
    held = Held(clientFromString(None, await relays.target(echo)))
    service = relays.start(TCP, held)
    client = await relays.client(service)
    client.end(DATA)
    await held.asked
    held.letGo()
    assert await everything(client) == DATA
    assert held.cancelled == 0


async def test_a_client_that_ends_meanwhile_is_still_answered(relays: Relays) -> None:
    held = Held(clientFromString(None, await relays.target(lambda one: one.resume().end("!"))))
    service = relays.start(TCP, held)
    client = await relays.client(service)
    client.end()
    await held.asked
    await once(client, "finish")
    held.letGo()
    assert await everything(client) == b"!"


async def test_a_client_that_leaves_meanwhile_ends_the_attempt(relays: Relays, log: Log) -> None:
    held = Held()
    service = relays.start(TCP, held)
    client = await relays.client(service)
    await held.asked
    client.resetAndDestroy()
    await log.says("client failed")
    assert held.cancelled == 1


async def test_a_target_that_is_not_there_resets_the_client(relays: Relays, log: Log) -> None:
    to = await relays.target(echo)
    relays._servers.pop().close()
    service = relays.start(TCP, to)
    client = await relays.client(service)
    assert await outcome(client) == "ECONNRESET"
    said = await log.says("cannot connect: connect ECONNREFUSED")
    assert said["error"].code == "ECONNREFUSED"
    assert tally(service)["errors"] == {"ECONNREFUSED": 1}
    assert len(log.ends) == 1


async def test_a_target_that_never_answers_is_given_up(relays: Relays, log: Log) -> None:
    clock, held = ClockedReactor(), Held()
    service = relays.start(TCP, held, connectTimeout=10, reactor=clock)
    client = await relays.client(service)
    await held.asked
    clock.advance(9.9)
    assert not log.ends
    clock.advance(0.2)
    assert await outcome(client) == "ECONNRESET"
    assert log.ends[0]["why"] == "no answer from the target"
    assert held.cancelled == 1
    assert tally(service)["errors"] == {"ETIMEDOUT": 1}


async def test_who_leaves_again_and_again_makes_no_queue_of_look_ups(
    relays: Relays, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can end one: it is there until the resolver has answered."""
    found = threading.Event()

    def slow(*args: Any) -> Any:
        found.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    service = relays.start(TCP, "tcp:slow.test:80", maxConnections=2)
    for count in range(1, 3):
        client = await relays.client(service)
        client.resetAndDestroy()
        while len(log.ends) < count:
            await turn()
    await outcome(net.createConnection(where(service)))
    found.set()
    said = await log.says("cannot connect")
    assert "getaddrinfo EAI_AGAIN slow.test" in said["because"]


async def test_a_name_that_there_is_not(
    relays: Relays, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: Any) -> Any:  # whom the machine asks may take his time to say so
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    service = relays.start(TCP, "tcp:nowhere.invalid:80")
    client = await relays.client(service)
    assert await outcome(client) == "ECONNRESET"
    assert "nowhere.invalid" in str((await log.says("cannot connect"))["error"])
    assert service.listening


# -- limits ---------------------------------------------------------------------------------


async def test_who_is_over_the_limit_is_turned_away(relays: Relays, log: Log) -> None:
    service = relays.start([TCP, TCP], await relays.target(echo), maxConnections=1)
    first = await relays.client(service)
    first.write("1")
    await once(first, "data")
    for _ in range(3):
        assert await outcome(await relays.client(service)) in ("end", "ECONNRESET")
    other = await relays.client(service, 1)
    other.write("2")
    assert await once(other, "data") == (b"2",)
    assert tally(service)["connectionsDropped"] == 3
    assert [line for line in log.lines if "no room for more" in line] == [
        f"{service.listening[0]}: there are 1 already, and no room for more"
    ]


async def test_when_one_has_ended_there_is_room_again(relays: Relays, log: Log) -> None:
    service = relays.start(TCP, await relays.target(echo), maxConnections=1)
    for number in range(3):
        client = await relays.client(service)
        client.end(f"{number}")
        assert await everything(client) == f"{number}".encode()
        while len(log.ends) <= number:
            await log.says("ended")
            await turn()
    assert tally(service)["connectionsDropped"] == 0


async def pair(relays: Relays, **options: Any) -> tuple[RelayService, net.Socket, net.Socket]:
    """A relay, and both ends of a connection through it over which a byte went each way."""
    joined: Deferred[net.Socket] = Deferred()
    service = relays.start(TCP, await relays.target(joined.callback), **options)
    client = await relays.client(service)
    client.write("?")
    target = await joined
    await once(target, "data")
    target.write("!")
    await once(client, "data")
    return service, client, target


async def test_a_quiet_connection_is_cut_off(relays: Relays, log: Log) -> None:
    clock = ClockedReactor()
    _, client, target = await pair(relays, idleTimeout=60, reactor=clock)
    clock.advance(59.9)
    assert not log.ends
    clock.advance(15.2)
    assert [await outcome(one) for one in (client, target)] == ["ECONNRESET"] * 2
    assert log.ends[0]["why"] == "idle"


@pytest.mark.parametrize("speaker", ["client", "target"])
async def test_one_direction_is_enough_not_to_be_quiet(
    relays: Relays, log: Log, speaker: str
) -> None:
    clock = ClockedReactor()
    _, client, target = await pair(relays, idleTimeout=60, reactor=clock)
    speaks, hears = (client, target) if speaker == "client" else (target, client)
    for _ in range(5):
        clock.advance(50)
        speaks.write("still here")
        await once(hears, "data")
    assert not log.ends
    clock.advance(76)
    assert log.ends[0]["why"] == "idle"


async def test_a_connection_may_be_quiet_for_ever(relays: Relays, log: Log) -> None:
    clock = ClockedReactor()
    _, client, target = await pair(relays, idleTimeout=0, reactor=clock)
    clock.advance(10**7)
    client.write("still here")
    assert await once(target, "data") == (b"still here",)


async def test_a_client_that_never_reads_is_quiet(relays: Relays, log: Log) -> None:
    clock = ClockedReactor()
    _, client, target = await pair(relays, idleTimeout=60, reactor=clock)
    client.pause()
    while target.write(bytes(1 << 20)) or target.writableLength < 50 << 20:
        pass
    for _ in range(10_000):  # until all is full that there is to fill
        await turn()
        clock.advance(30)
        if log.ends:
            break
    assert log.ends[0]["why"] == "idle"


async def test_a_client_that_reads_slowly_is_not(relays: Relays, log: Log) -> None:
    """The target sends no more, and the client's reading is all that there is to see."""
    clock = ClockedReactor()
    _, client, target = await pair(relays, idleTimeout=60, reactor=clock)
    size = left = 64 << 20
    target.write(bytes(size))
    while left > 0:
        chunk = client.read()
        if chunk is None:
            await once(client, "readable")
        else:
            left -= len(chunk)
            clock.advance(100 * len(chunk) / size)
    assert not log.ends


async def test_a_busy_connection_has_a_time_limit_too(relays: Relays, log: Log) -> None:
    clock = ClockedReactor()
    _, client, target = await pair(relays, timeLimit=100, reactor=clock)
    for _ in range(3):
        clock.advance(30)
        client.write("still here")
        await once(target, "data")
    clock.advance(11)
    assert [await outcome(one) for one in (client, target)] == ["ECONNRESET"] * 2
    assert log.ends[0]["why"] == "time limit"
    assert log.ends[0]["seconds"] == pytest.approx(100, abs=1.5)


async def test_no_timer_outlives_its_connection(relays: Relays, log: Log) -> None:
    clock = ClockedReactor()
    _, client, target = await pair(relays, timeLimit=100, reactor=clock)
    target.end()
    client.end()
    client.resume()
    target.resume()
    await log.says("ended")
    assert clock.getDelayedCalls() == []


# -- who may come ---------------------------------------------------------------------------


async def test_a_blocked_client_costs_the_target_nothing(relays: Relays, log: Log) -> None:
    reached: list[net.Socket] = []
    service = relays.start(TCP, await relays.target(reached.append), block=["127.0.0.0/8"])
    assert await outcome(await relays.client(service)) in ("end", "ECONNRESET")
    assert tally(service)["connectionsBlocked"] == 1
    assert tally(service)["connectionsAccepted"] == 0
    assert not reached
    assert not log.ends


async def test_who_is_not_on_an_allow_list_is_blocked(relays: Relays) -> None:
    to = await relays.target(echo)
    closed = relays.start(TCP, to, allow=["192.0.2.1"])
    assert await outcome(await relays.client(closed)) in ("end", "ECONNRESET")
    open_ = relays.start(TCP, to, allow=["192.0.2.1", "127.0.0.1"])
    client = await relays.client(open_)
    client.end("hello")
    assert await everything(client) == b"hello"


async def test_an_endpoint_s_own_list_counts_as_well(relays: Relays) -> None:
    service = relays.start(f"{TCP}:blockList=127.0.0.1", await relays.target(echo))
    assert await outcome(await relays.client(service)) in ("end", "ECONNRESET")
    assert tally(service)["connectionsBlocked"] == 1


async def test_who_comes_onto_a_list_is_cut_off(relays: Relays, log: Log, tmp_path: Path) -> None:
    file = tmp_path / "blocked"
    file.write_text("")
    service, client, target = await pair(relays, block=[f"@{file}"])
    file.write_text("127.0.0.1\n")
    service.reload()
    assert [await outcome(one) for one in (client, target)] == ["ECONNRESET"] * 2
    assert log.ends[0]["why"] == "blocked"
    assert await outcome(await relays.client(service)) in ("end", "ECONNRESET")


async def test_a_list_with_an_error_changes_nothing(
    relays: Relays, log: Log, tmp_path: Path
) -> None:
    file = tmp_path / "blocked"
    file.write_text("192.0.2.1\n")
    service, client, target = await pair(relays, block=[f"@{file}"])
    file.write_text("127.0.0.1\n\nnonsense\n")
    service.reload()
    said = [line for line in log.lines if "stay as they were" in line]
    assert len(said) == 1
    assert f"{file}:3: " in said[0]
    assert "\n" not in said[0]
    client.write("still here")
    assert await once(target, "data") == (b"still here",)


# -- the PROXY protocol ---------------------------------------------------------------------


@pytest.mark.parametrize(("version", "parser"), [(1, V1Parser), (2, V2Parser)])
async def test_the_target_is_told_who_the_client_is(
    relays: Relays, version: int, parser: Any
) -> None:
    heard: Deferred[bytes] = Deferred()

    async def take(socket: net.Socket) -> None:
        heard.callback(await everything(socket))
        socket.end()

    service = relays.start(TCP, await relays.target(take), proxyProtocol=version)
    client = await relays.client(service)
    local = client.address()
    client.end(b"PROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n")
    info, rest = parser().feed(await heard)
    assert (info.source.host, info.source.port) == ("127.0.0.1", local.port)
    assert (info.destination.host, info.destination.port) == ("127.0.0.1", port(service))
    assert rest == b"PROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n"  # of the client, and so behind ours


@NEEDS_IPV6
async def test_ipv6_is_told_as_ipv6(relays: Relays) -> None:
    heard: Deferred[bytes] = Deferred()
    to = await relays.target(lambda one: one.once("data", heard.callback))
    service = relays.start(r"tcp:0:interface=\:\:1", to, proxyProtocol=1)
    client = net.createConnection(port(service), "::1")
    relays._keep(client)
    info, _ = V1Parser().feed(await heard)
    assert (info.source.host, info.source.port) == ("::1", client.localPort)


async def test_it_is_told_the_path_of_a_unix_socket(
    relays: Relays, socketPath: Callable[[str], str]
) -> None:
    heard: Deferred[bytes] = Deferred()
    to = await relays.target(lambda one: one.once("data", heard.callback))
    service = relays.start(f"unix:{socketPath('relay')}", to, proxyProtocol=2)
    await relays.client(service)
    info, _ = V2Parser().feed(await heard)
    assert info.destination.name == socketPath("relay").encode()


# -- the log, the counters and the end ------------------------------------------------------


async def test_one_line_says_how_a_connection_went(relays: Relays, log: Log) -> None:
    to = await relays.target(lambda socket: socket.resume().end("four"))
    service = relays.start(TCP, to)
    client = await relays.client(service)
    local = client.address()
    client.end("12345678")
    assert await everything(client) == b"four"
    said = await log.says("ended")
    assert {name: said[name] for name in ("peer", "listener", "target", "why", "error")} == {
        "peer": f"127.0.0.1:{local.port}",
        "listener": service.listening[0],
        "target": to,
        "why": "ended",
        "error": None,
    }
    assert (said["bytesIn"], said["bytesOut"]) == (8, 4)
    assert said["seconds"] >= 0
    assert len(log.ends) == 1
    assert tally(service)["receivedBytes"] == 8
    assert tally(service)["sentBytes"] == 4
    assert tally(service)["connectionsActive"] == 0


async def test_an_open_connection_keeps_the_stop_waiting(relays: Relays, log: Log) -> None:
    service, client, target = await pair(relays, grace=3600)
    there = where(service)
    stopped = service.stopService()
    late = net.createConnection(there)
    assert await outcome(late) == "ECONNREFUSED"
    client.end("last words")
    assert await once(target, "data") == (b"last words",)
    target.end("so long")
    assert await once(client, "data") == (b"so long",)
    await stopped
    assert [said["why"] for said in log.ends] == ["ended"]


async def test_what_has_not_ended_is_cut_off(relays: Relays, log: Log) -> None:
    service, client, target = await pair(relays, grace=0)
    await service.stopService()
    assert [await outcome(one) for one in (client, target)] == ["ECONNRESET"] * 2
    assert [said["why"] for said in log.ends] == ["service stopped"]


async def test_it_stops_while_it_connects(relays: Relays, log: Log) -> None:
    held = Held()
    service = relays.start(TCP, held)
    client = await relays.client(service)
    await held.asked
    await service.stopService()
    assert held.cancelled == 1
    assert await outcome(client) == "ECONNRESET"


async def test_it_can_be_started_again(relays: Relays) -> None:
    service = relays.start(TCP, await relays.target(echo))
    await service.stopService()
    service.startService()
    client = await relays.client(service)
    client.end("again")
    assert await everything(client) == b"again"


@pytest.mark.parametrize(
    ("listen", "connect", "options", "message"),
    [
        ([], "tcp:h:1", {}, "a relay has to listen somewhere"),
        (["udp:0"], "tcp:h:1", {}, "udp:0 cannot be relayed to tcp:h:1: UDP goes to UDP"),
        (["tcp:0"], "udp:h:1", {}, "tcp:0 cannot be relayed to udp:h:1: UDP goes to UDP"),
        (["tcp:0"], "tls:h:1", {"proxyProtocol": 1}, "the PROXY protocol has to come before TLS"),
        (["tcp:0"], "tcp:h:1", {"proxyProtocol": 3}, "versions 1 and 2, not 3"),
        (["udp:0"], "udp:h:1", {"proxyProtocol": 1}, "for connections, not for UDP"),
        (["udp:0"], "udp:h:1", {"timeLimit": 1}, "for connections, not for UDP"),
        (["udp:0"], "udp:h:1", {"idleTimeout": 0}, "its time-out cannot be 0"),
        (["tcp:0"], "tcp:h:1", {"idleTimeout": -1}, "must be 0 to 1000000 seconds, not -1"),
        (["tcp:0"], "tcp:h:1", {"timeLimit": 1e7}, "must be 0 to 1000000 seconds, not 1e+07"),
        (["tcp:0"], "tcp:h:1", {"maxConnections": 0}, "room for 1 connection at least, not 0"),
        (["tcp:0"], "tcp:h:1", {"block": ["1.2.3"]}, "block must hold addresses"),
        (["tcp:0"], "udp:h:0", {}, "port should be > 0"),
        (["tcp:0"], "foo:1", {}, "'foo:1' at character 1"),
        (["tcp:5"], "tcp:localhost:5", {}, "tcp:5 would be relayed to itself"),
        (["unix:/a"], "unix:/a", {}, "unix:/a would be relayed to itself"),
        (["udp:5:interface=10.0.0.1"], "udp:10.0.0.1:5", {}, "would be relayed to itself"),
        (["foo:0"], "tcp:h:1", {}, "'foo:0' at character 1"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    listen: list[str], connect: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace("+", r"\+")) as raised:
        RelayService(listen, connect, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("listen", "connect"),
    [
        ("tcp:5:interface=127.0.0.1", "tcp:10.0.0.1:5"),
        ("tcp:5", "tcp:example.com:5"),
        ("tcp:0", "tcp:localhost:5"),
        ("unix:/a", "tcp:localhost:5"),
    ],
)
def test_the_same_port_elsewhere_is_another_one(listen: str, connect: str) -> None:
    RelayService([listen], connect)


def test_making_one_opens_nothing_and_wants_no_reactor() -> None:
    make = partial(RelayService, ["tcp:0", "unix:/nowhere/at/all"], "tcp:localhost:1")
    assert make().listening == []


async def test_a_port_of_twisteds_is_closed_as_well_when_it_has_stopped(relays: Relays) -> None:
    service = relays.start("haproxy:tcp:0:interface=127.0.0.1", await relays.target(echo))
    at = ("127.0.0.1", port(service))
    await service.stopService()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(at)


class Stubborn:
    """A port that never says that it is closed."""

    def getHost(self) -> str:
        return "nowhere"

    def stopListening(self) -> Deferred[None]:
        return Deferred()


@implementer(IStreamServerEndpoint)
class StubbornEndpoint:
    def listen(self, factory: Any) -> Deferred[Any]:
        return succeed(Stubborn())


async def test_a_port_that_never_closes_has_no_more_time_than_connections(relays: Relays) -> None:
    clock = ClockedReactor()
    to = await relays.target(echo)
    service = relays.start([StubbornEndpoint()], to, grace=5, reactor=clock)
    stopped = service.stopService()
    clock.advance(4.9)
    assert not stopped.called
    clock.advance(0.2)
    assert stopped.called
