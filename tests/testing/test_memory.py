"""Sockets joined in memory: as over TCP, with faults where a test wants them."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock, deferLater

from nodenet import events, net
from nodenet.errors import ERR_OUT_OF_RANGE
from nodenet.loop import openHandles
from nodenet.testing import ClockedReactor, Faults, socketPair, transportPair

LARGE = bytes(range(256)) * 2000


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await deferLater(reactor, 0)


async def heard(socket: net.Socket) -> bytes:
    chunks: list[Any] = [chunk async for chunk in socket]
    return b"".join(chunks)


async def echoed(near: net.Socket, far: net.Socket) -> bytes:
    """What comes back of `LARGE`."""
    far.pipe(far)
    near.end(LARGE)
    return await heard(near)


async def test_bytes_and_ends_arrive() -> None:
    assert await echoed(*socketPair(allowHalfOpen=True)) == LARGE


async def test_it_looks_like_tcp() -> None:
    near, far = socketPair()
    assert near.remotePort == far.localPort
    assert near.remoteAddress == "127.0.0.1"
    assert near.readyState == "open"
    assert len(openHandles()) == 2
    near.destroy()
    far.resume()
    await events.once(far, "close")


@pytest.mark.parametrize("wrong", [{"delay": -1}, {"delay": nan}, {"capacity": 0}])
def test_a_pair_that_could_not_be_is_refused_at_the_door(wrong: dict[str, Any]) -> None:
    with pytest.raises(ERR_OUT_OF_RANGE):
        socketPair(**wrong)
    assert not openHandles()


async def test_nothing_arrives_inside_the_call_that_sent_it() -> None:
    near, far = socketPair()
    received: list[bytes] = []
    far.on("data", received.append)
    near.write(b"x")
    assert received == []
    await turns()
    assert received == [b"x"]
    near.destroy()
    await turns()


async def test_a_peer_that_does_not_read_slows_the_writer() -> None:
    near, far = socketPair(capacity=1000)
    assert not near.write(LARGE)
    await turns()
    assert near.writableLength > 0
    far.resume()
    near.end()
    near.resume()
    await events.once(near, "close")
    assert far.bytesRead == len(LARGE)


async def test_a_reset_is_a_reset() -> None:
    near, far = socketPair()
    near.resetAndDestroy()
    far.resume()
    [error] = await events.once(far, "error")
    assert error.code == "ECONNRESET"
    await turns()


@pytest.mark.parametrize(
    "faults",
    [
        Faults(longestWrite=1000),
        Faults(longestWrite=7919, refuseEvery=3),
        Faults(refuseEvery=2),
    ],
)
async def test_short_writes_and_refusals_lose_nothing(faults: Faults) -> None:
    pair = socketPair(faults=(faults, faults), allowHalfOpen=True)
    assert await echoed(*pair) == LARGE


@pytest.mark.parametrize("where", [1, 1000, 100_000])
async def test_the_connection_is_reset_at_the_byte_that_was_said(where: int) -> None:
    near, far = socketPair(faults=(Faults(resetAt=where), Faults()))
    far.resume()
    near.write(LARGE)
    near.on("error", lambda error: None)
    [error] = await events.once(far, "error")
    assert error.code == "ECONNRESET"
    assert far.bytesRead <= where
    assert near.bytesWritten >= where
    await turns()
    assert near.destroyed


async def test_delay_is_what_the_clock_says() -> None:
    clock = Clock()
    near, far = socketPair(delay=2, clock=clock)
    told: list[Any] = []
    far.on("data", told.append).on("end", lambda: told.append("end"))
    near.end(b"late")
    await turns()
    clock.advance(1.9)
    await turns()
    assert told == []
    clock.advance(0.2)
    await turns()
    assert told == [b"late", "end"]
    near.resume()
    await turns()
    assert not near.destroyed  # the other end's FIN is on its way
    clock.advance(2)
    await turns()
    assert near.destroyed


def test_a_whole_exchange_takes_place_while_the_clock_advances() -> None:
    clock = ClockedReactor()
    near, far = socketPair(delay=0.5, clock=clock, allowHalfOpen=True)
    far.pipe(far)
    heard: list[Any] = []
    near.on("data", lambda data: heard.append((clock.seconds(), data)))
    near.on("end", lambda: heard.append((clock.seconds(), "end")))
    near.end("hello")
    clock.advance(10)
    assert heard == [(1, b"hello"), (1, "end")]
    assert near.destroyed
    assert far.destroyed
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("which", ["clock", "reactor"])
def test_without_delay_it_takes_place_when_the_clock_is_moved(which: str) -> None:
    clock = ClockedReactor()
    given: Any = {which: clock}
    near, far = socketPair(**given)
    far.pipe(far)
    heard: list[Any] = []
    near.on("data", heard.append).on("close", lambda _: heard.append("close"))
    near.end("hello")
    assert heard == []
    clock.advance(0)
    assert heard == [b"hello", "close"]


async def test_twisted_protocols_run_on_it_too() -> None:
    class Shout(Protocol):
        def dataReceived(self, data: bytes) -> None:
            self.transport.write(data.upper())

    class Listen(Protocol):
        heard = b""

        def connectionMade(self) -> None:
            self.transport.write(b"hello")

        def dataReceived(self, data: bytes) -> None:
            self.heard += data
            if self.heard == b"HELLO":
                self.transport.loseConnection()

    near, far = transportPair(faults=(Faults(longestWrite=2), Faults(longestWrite=1)))
    listen = Listen()
    far.run(Shout())
    near.run(listen)
    await turns(20)
    assert listen.heard == b"HELLO"
    assert openHandles() == []
