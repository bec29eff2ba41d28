"""Datagrams through a relay: sessions, their end, and what strangers can do."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from descriptors import noMoreDescriptors
from machine import NEEDS_IPV6
from pytest_twisted import blockon
from services.relays import UDP, Log, port, tally, turn
from twisted.internet.defer import Deferred

from nodenet import dgram
from nodenet.dgram import RemoteInfo
from nodenet.events import once
from nodenet.services import RelayService
from nodenet.testing import ClockedReactor, Guard

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the address")


class Stage:
    """A target that answers, a relay to it, and clients."""

    def __init__(self) -> None:
        self.askers: list[int] = []
        self._sockets: list[dgram.Socket] = []
        self._services: list[RelayService] = []
        self.target = self.socket()

        @self.target.on("message")
        def answer(data: bytes, peer: Any) -> None:
            if peer.port not in self.askers:
                self.askers.append(peer.port)
            self.target.send(data.upper(), peer.port, peer.address)

    async def relay(self, listen: str = UDP, host: str = "127.0.0.1", **options: Any) -> Any:
        if not self._services:
            self.target.bind(0, host if host != "localhost" else "127.0.0.1")
            await once(self.target, "listening")
        host = host.replace(":", "\\:")
        to = f"udp:{host}:{self.target.address().port}"
        service = RelayService([listen], to, **{"grace": 0.0, **options})
        service.startService()
        self._services.append(service)
        return service

    def socket(self, kind: str = "udp4") -> dgram.Socket:
        opened = dgram.createSocket(kind)
        self._sockets.append(opened)
        return opened

    async def client(self, service: RelayService, host: str = "127.0.0.1") -> dgram.Socket:
        opened = self.socket("udp6" if ":" in host else "udp4")
        opened.connect(port(service), host)
        await once(opened, "connect")
        return opened

    async def stop(self) -> None:
        for service in self._services:
            if service.running:
                await service.stopService()
        for opened in self._sockets:
            opened.close()


@pytest.fixture
def stage(guard: Guard) -> Iterator[Stage]:
    opened = Stage()
    yield opened
    blockon(Deferred.fromCoroutine(opened.stop()))


async def ask(client: dgram.Socket, data: bytes) -> bytes:
    """Send something, and wait for the answer."""
    client.send(data)
    answer, _ = await once(client, "message")
    return bytes(answer)


async def test_each_client_has_a_session_of_its_own(stage: Stage) -> None:
    service = await stage.relay()
    one, two = await stage.client(service), await stage.client(service)
    for _ in range(3):
        assert await ask(one, b"one") == b"ONE"
        assert await ask(two, b"two") == b"TWO"
    assert len(stage.askers) == 2
    assert tally(service)["connectionsActive"] == 2
    assert tally(service)["datagramsReceived"] == 6
    assert tally(service)["datagramsSent"] == 6
    assert tally(service)["receivedBytes"] == tally(service)["sentBytes"] == 18


async def test_a_name_is_looked_up(stage: Stage) -> None:
    client = await stage.client(await stage.relay(host="localhost"))
    assert await ask(client, b"hello") == b"HELLO"


async def test_large_and_empty_datagrams(stage: Stage) -> None:
    client = await stage.client(await stage.relay())
    for data in (b"", b"x" * 60_000, b"y"):
        assert await ask(client, data) == data.upper()


@NEEDS_IPV6
async def test_over_ipv6(stage: Stage) -> None:
    stage.target.close()
    stage._sockets.remove(stage.target)
    stage.target = stage.socket("udp6")
    stage.target.on("message", lambda data, peer: stage.target.send(data, peer.port, peer.address))
    service = await stage.relay(r"udp:0:interface=\:\:1", "::1")
    assert await ask(await stage.client(service, "::1"), b"six") == b"six"


@linux
async def test_the_answer_comes_from_the_address_that_was_asked(stage: Stage) -> None:
    """A client that is connected with one address of the relay hears no other one."""
    service = await stage.relay("udp:0")
    for host in ("127.0.0.1", "127.0.0.2"):
        assert await ask(await stage.client(service, host), b"hello") == b"HELLO"


async def test_a_quiet_session_ends(stage: Stage, log: Log) -> None:
    clock = ClockedReactor()
    service = await stage.relay(idleTimeout=60, reactor=clock)
    client = await stage.client(service)
    local = client.address()
    for _ in range(3):
        clock.advance(50)
        assert await ask(client, b"hello") == b"HELLO"
    assert not log.ends
    clock.advance(61)
    said = log.ends[0]
    assert (said["peer"], said["why"]) == (f"127.0.0.1:{local.port}", "idle")
    assert (said["bytesIn"], said["bytesOut"]) == (15, 15)
    assert tally(service)["connectionsActive"] == 0
    assert clock.getDelayedCalls() == []
    assert await ask(client, b"again") == b"AGAIN"
    assert len(stage.askers) == 2


async def test_there_are_never_more_sessions_than_the_limit(stage: Stage, log: Log) -> None:
    service = await stage.relay(maxConnections=2)
    for _ in range(5):
        assert await ask(await stage.client(service), b"hello") == b"HELLO"
        assert tally(service)["connectionsActive"] <= 2
    assert tally(service)["connectionsDropped"] == 3
    assert len([line for line in log.lines if "no room for more" in line]) == 1
    assert not log.ends  # who floods shall not fill the disk


async def test_a_conversation_outlives_a_flood(stage: Stage) -> None:
    service = await stage.relay(maxConnections=2)
    client = await stage.client(service)
    for _ in range(2):
        assert await ask(client, b"hello") == b"HELLO"
    for _ in range(10):
        await ask(await stage.client(service), b"flood")
    before = len(stage.askers)
    assert await ask(client, b"still the same session") == b"STILL THE SAME SESSION"
    assert len(stage.askers) == before


async def test_among_conversations_a_newcomer_is_dropped(stage: Stage) -> None:
    service = await stage.relay(maxConnections=1)
    client, other = await stage.client(service), await stage.client(service)
    for _ in range(2):
        await ask(client, b"hello")
    other.send(b"hello")
    await ask(client, b"hello")  # the other one's is dealt with when this is answered
    assert tally(service)["datagramsDropped"] == 1
    assert len(stage.askers) == 1


async def test_who_is_blocked_is_dropped(stage: Stage) -> None:
    service = await stage.relay("udp:0", block=["127.0.0.2"])
    client, other = await stage.client(service), stage.socket()
    other.bind(0, "127.0.0.2")
    await once(other, "listening")
    other.send(b"hello", port(service), "127.0.0.1")
    assert await ask(client, b"hello") == b"HELLO"
    assert tally(service)["datagramsDropped"] == 1
    assert tally(service)["connectionsAccepted"] == 1


async def test_who_comes_onto_a_list_loses_the_session(
    stage: Stage, log: Log, tmp_path: Any
) -> None:
    file = tmp_path / "blocked"
    file.write_text("")
    service = await stage.relay(block=[f"@{file}"])
    await ask(await stage.client(service), b"hello")
    file.write_text("127.0.0.1\n")
    service.reload()
    assert [said["why"] for said in log.ends] == ["blocked"]


async def test_forged_senders_that_cannot_be_answered_are_dropped(stage: Stage) -> None:
    """A port 0 that nothing can be sent to; the target and the relay would talk for ever."""
    service = await stage.relay()
    for forged in (0, stage.target.address().port, port(service)):
        service.message(service._listeners[0], b"x", RemoteInfo("127.0.0.1", "IPv4", forged, 1))
    assert tally(service)["datagramsDropped"] == 3
    assert tally(service)["connectionsAccepted"] == 0


@pytest.mark.parametrize(
    ("listen", "host"),
    [(UDP, "localhost"), ("udp:0:type=udp6:interface=\\:\\:", "127.0.0.1")],
)
async def test_a_target_by_another_name_is_known_when_it_is_found(
    stage: Stage, listen: str, host: str
) -> None:
    """It seems to have asked, hears its own answer and answers that: for ever."""
    service = await stage.relay(listen, host)
    stage.target.send(b"x", port(service), "127.0.0.1")
    while not tally(service)["datagramsDropped"]:
        await turn()
    assert not stage.askers
    assert tally(service)["connectionsActive"] == 0


@linux
async def test_a_relay_on_all_addresses_knows_itself(stage: Stage) -> None:
    """It hears which address was asked, and so that it was asked by itself."""
    service = await stage.relay("udp:0")
    forged = dgram.PacketInfo("127.0.0.2", "IPv4", port(service), 1, "127.0.0.2", "lo", 0)
    service.message(service._listeners[0], b"x", forged)
    assert tally(service)["connectionsAccepted"] == 0


async def test_a_target_that_is_away_is_found_when_it_is_back(stage: Stage) -> None:
    service = await stage.relay()
    target = stage.target
    where = target.address()
    client = await stage.client(service)
    await ask(client, b"hello")
    stage._sockets.remove(target)
    target.close()
    await once(target, "close")
    while not tally(service)["errors"]:
        client.send(b"is anybody there")
        await turn()
    assert tally(service)["errors"].keys() == {"ECONNREFUSED"}
    back = stage.socket()
    back.on("message", lambda data, peer: back.send(b"back", peer.port, peer.address))
    back.bind(where.port, "127.0.0.1")
    await once(back, "listening")
    assert await answered(client) == b"back"  # the first may be lost to the last refusal
    assert tally(service)["connectionsAccepted"] == 1


async def test_a_stranger_cannot_answer_for_the_target(stage: Stage) -> None:
    service = await stage.relay()
    client = await stage.client(service)
    await ask(client, b"hello")
    stranger = stage.socket()
    stranger.send(b"from a stranger", stage.askers[0], "127.0.0.1")
    assert await ask(client, b"hello") == b"HELLO"


async def test_without_a_descriptor_there_is_no_session(stage: Stage, log: Log) -> None:
    service = await stage.relay()
    client = await stage.client(service)
    with noMoreDescriptors():
        client.send(b"hello")
        while not tally(service)["errors"]:
            await turn()
    assert tally(service)["errors"] == {"EMFILE": 1}
    assert tally(service)["connectionsActive"] == 0
    assert [line for line in log.lines if "EMFILE" in line] == [
        f"{service.listening[0]}: bind EMFILE 0.0.0.0"
    ]
    assert await ask(client, b"and now") == b"AND NOW"


async def test_stopping_ends_all_sessions(stage: Stage, log: Log) -> None:
    service = await stage.relay()
    for _ in range(2):
        await ask(await stage.client(service), b"hello")
    await service.stopService()
    assert [said["why"] for said in log.ends] == ["service stopped"] * 2


async def answered(client: dgram.Socket) -> bytes:
    """What a client hears who asks until nothing is in the way any more."""
    answer = once(client, "message")
    while not answer.called:
        client.send(b"x")
        await turn()
    return bytes((await answer)[0])


async def test_there_are_never_more_look_ups_than_the_limit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was crowded out leaves one behind, which nobody can end."""
    found, ask = threading.Event(), socket.getaddrinfo

    def slow(*args: Any) -> Any:
        found.wait(30)
        return ask("127.0.0.1", *args[1:])

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    service = await stage.relay(host="localhost", maxConnections=2)
    strangers = [await stage.client(service) for _ in range(5)]
    for stranger in strangers:
        stranger.send(b"x")
    while tally(service)["datagramsDropped"] != 3:
        await turn()
    assert tally(service)["connectionsAccepted"] == 2
    found.set()
    assert await answered(strangers[4]) == b"X"


async def test_a_name_that_there_is_not(
    stage: Stage, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: Any) -> Any:  # whom the machine asks may take his time to say so
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    service = RelayService([UDP], "udp:nowhere.invalid:53", grace=0.0)
    service.startService()
    stage._services.append(service)
    client = await stage.client(service)
    for _ in range(3):
        client.send(b"hello")
        while tally(service)["connectionsActive"] or not tally(service)["errors"]:
            await turn()
    assert len([line for line in log.lines if "nowhere.invalid" in line]) == 1
    assert not log.ends
