"""Real sockets on a time that stands still."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from nodenet import events, net
from nodenet.testing import ClockedReactor, Guard


async def turns() -> None:
    for _ in range(5):
        await deferLater(reactor, 0)


def test_it_is_a_reactor() -> None:
    clock = ClockedReactor()
    assert verifyObject(IReactorTime, clock)
    assert IReactorFDSet.providedBy(clock)


async def test_time_outs_come_when_the_clock_is_moved() -> None:
    clock = ClockedReactor()
    server = net.createServer(reactor=clock)
    server.listen(0, "127.0.0.1")
    await events.once(server, "listening")
    client = net.connect(server.address().port, "127.0.0.1", reactor=clock)
    await events.once(client, "connect")
    told: list[str] = []
    client.setTimeout(60_000, lambda: told.append("timeout"))
    clock.advance(59)
    await turns()
    assert told == []
    clock.advance(1)
    await turns()
    assert told == ["timeout"]
    assert clock.seconds() == 60
    client.destroy()
    server.close()
    await events.once(server, "close")
    assert clock.getDelayedCalls() == []


async def test_bytes_flow_while_time_stands_still() -> None:
    clock = ClockedReactor()
    server = net.createServer(lambda socket: socket.pipe(socket), reactor=clock)
    server.listen(0, "127.0.0.1")
    await events.once(server, "listening")
    client = net.connect(server.address().port, "127.0.0.1", reactor=clock)
    client.end(b"hello")
    assert [chunk async for chunk in client] == [b"hello"]
    server.close()
    await events.once(server, "close")
    assert clock.seconds() == 0


async def test_what_is_left_open_on_a_clock_is_found_and_closed() -> None:
    guard = Guard()
    guard.begin()
    server = net.createServer(reactor=ClockedReactor())
    server.listen(0, "127.0.0.1")
    await events.once(server, "listening")
    [complaint] = guard.handles()
    assert complaint.startswith("left open: <ListeningDescriptor")
    assert guard.handlesLeft() == []
    assert guard.criticals() == []


def test_each_thing_that_falls_due_has_its_own_time() -> None:
    clock = ClockedReactor()
    times: list[float] = []

    def again() -> None:
        times.append(clock.seconds())
        clock.callLater(0.1, again)

    clock.callLater(0.1, again)
    clock.advance(0.35)
    assert times == pytest.approx([0.1, 0.2, 0.3])
    assert clock.seconds() == 0.35
