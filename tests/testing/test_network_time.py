"""A UDP network in memory: what is sent arrives at the time that its clock says."""

from __future__ import annotations

import pytest
from testing.talk import A, B, talk
from twisted.internet import reactor
from twisted.internet.testing import MemoryReactorClock

from nodenet import dgram, events
from nodenet.testing import Network


def test_delay_is_what_the_clock_says() -> None:
    talking = talk(delay=0.5)
    talking.sender.send("x", 53, A)
    talking.network.clock.advance(0.4)
    assert talking.heard == []
    talking.network.clock.advance(0.2)
    assert talking.heard == [b"x"]
    talking.close()


def test_a_whole_exchange_takes_place_while_the_clock_advances() -> None:
    talking = talk(delay=0.05)
    times: list[float] = []

    def answer(msg: bytes, rinfo: dgram.RemoteInfo) -> None:
        times.append(talking.network.clock.seconds())
        if len(times) < 4:
            talking.receiver.send(msg, rinfo.port, rinfo.address)

    talking.receiver.on("message", answer)
    talking.sender.on("message", lambda msg, rinfo: talking.sender.send(msg, 53, A))
    talking.say(1)
    assert times == pytest.approx([0.05, 0.15, 0.25, 0.35])
    talking.close()


def test_what_a_timer_sends_leaves_at_its_time() -> None:
    talking = talk(delay=0.05)
    times: list[float] = []
    talking.receiver.on("message", lambda *_: times.append(talking.network.clock.seconds()))
    for second in (1, 2):
        talking.other.callLater(second, talking.sender.send, "x", 53, A)
    talking.network.clock.advance(3)
    assert times == pytest.approx([1.05, 2.05])
    talking.close()


async def test_without_delay_nothing_needs_time() -> None:
    network = Network()
    server, client = (network.host(one).createSocket("udp4") for one in (A, B))
    server.on("message", lambda msg, rinfo: server.send(msg, rinfo.port, rinfo.address))
    server.bind(53)
    client.send("hello", 53, A)
    assert tuple(await events.once(client, "message")) == (b"hello", (A, "IPv4", 53, 5))
    assert network.clock.seconds() == 0
    network.close()


def test_without_delay_it_happens_when_the_clock_is_moved() -> None:
    network = Network()
    server, client = (network.host(one).createSocket("udp4") for one in (A, B))
    heard: list[tuple[str, bytes]] = []
    server.on("message", lambda msg, rinfo: server.send(msg * 2, rinfo.port, rinfo.address))
    for name, one in (("server", server), ("client", client)):
        one.on("message", lambda msg, rinfo, name=name: heard.append((name, msg)))
    server.bind(53)
    client.send("ho", 53, A)
    assert heard == []
    network.clock.advance(0)
    assert heard == [("server", b"ho"), ("client", b"hoho")]
    network.close()


async def test_it_may_take_real_time() -> None:
    network = Network(delay=0.01, clock=reactor)
    server, client = (network.host(one).createSocket("udp4") for one in (A, B))
    server.bind(53)
    client.send("hello", 53, A)
    assert (await events.once(server, "message"))[0] == b"hello"
    network.close()


def test_it_needs_no_running_reactor() -> None:
    time = MemoryReactorClock()
    network = Network(delay=1, clock=time, reactor=time)
    heard: list[bytes] = []
    server, client = (network.host(one).createSocket("udp4") for one in (A, B))
    server.on("message", lambda msg, rinfo: heard.append(msg))
    server.bind(53)
    client.send("hello", 53, A)
    time.pump([0.1] * 20)
    assert heard == [b"hello"]
    network.close()
