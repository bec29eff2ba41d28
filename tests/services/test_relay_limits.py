"""How many connections a relay has, and for how long: those over the limit, quiet or too long."""

from __future__ import annotations

import pytest
from services.relays import TCP, Log, Relays, echo, everything, outcome, pair, tally, turn

from nodenet.events import once
from nodenet.testing import ClockedReactor


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
