"""Connections through a relay: what each side sees of the other, and what the log says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest
from services.relays import TCP, Log, Relays, echo, everything, outcome, port, tally, turn
from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.events import once
from nodenet.loop import pollerOf

reactor: Any = pollerOf().reactor
DATA = os.urandom(10_000_000)


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


# -- the log and the counters ---------------------------------------------------------------


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
