"""A client of a relay while the target is not there yet, or never will be."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

import pytest
from services.relays import TCP, Held, Log, Relays, echo, everything, outcome, tally, turn, where

from nodenet import net
from nodenet.endpoints import clientFromString
from nodenet.events import once
from nodenet.testing import ClockedReactor

DATA = os.urandom(10_000_000)


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
