"""A service in a process that lives on: bound when started, gone when stopped."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf, nan
from typing import Any

import pytest
from services.relays import tally
from twisted.application.service import Application, IService, IServiceCollection
from twisted.internet.task import deferLater

from nodenet import dgram, net
from nodenet.endpoints import EndpointStringError, TCPServerEndpoint
from nodenet.events import once
from nodenet.loop import pollerOf
from nodenet.services import CannotStart, EchoService
from nodenet.services._impatience import Impatience
from nodenet.services._listener import DatagramListener
from nodenet.services._quiet import LOOK_EVERY
from nodenet.testing import ClockedReactor

TCP = "tcp:0:interface=127.0.0.1"
UDP = "udp:0:interface=127.0.0.1"


reactor: Any = pollerOf().reactor


def port(service: EchoService, index: int = 0) -> int:
    return int(service.listening[index].rpartition(":")[2])


async def test_it_is_bound_before_it_is_started() -> None:
    service = EchoService([TCP, UDP])
    assert service.listening == []
    service.privilegedStartService()
    assert [where.rpartition(":")[0] for where in service.listening] == [
        "tcp 127.0.0.1",
        "udp 127.0.0.1",
    ]
    await service.stopService()
    assert service.listening == []


async def test_it_can_be_started_again() -> None:
    service = EchoService([TCP])
    for _ in range(2):
        service.startService()
        client = net.createConnection(port(service), "127.0.0.1")
        client.end("again")
        assert await once(client, "data") == (b"again",)
        await once(client, "close")
        await service.stopService()


async def test_it_joins_a_running_application() -> None:
    application = Application("app")
    IService(application).startService()
    service = EchoService([TCPServerEndpoint(port=0, host="127.0.0.1")])
    service.setServiceParent(IServiceCollection(application))
    assert port(service)
    await service.disownServiceParent()
    await IService(application).stopService()


async def test_a_datagram_comes_back() -> None:
    service = EchoService([UDP])
    service.startService()
    client = dgram.createSocket("udp4")
    client.send(b"hello", port(service), "127.0.0.1")
    data, peer = await once(client, "message")
    assert (data, peer.port) == (b"hello", port(service))
    client.close()
    await service.stopService()


async def test_a_sender_that_cannot_be_answered_is_dropped() -> None:
    service = EchoService([UDP])
    service.startService()
    listener = service._listeners[0]
    assert isinstance(listener, DatagramListener)
    service.message(listener, b"x", dgram.RemoteInfo("127.0.0.1", "IPv4", 0, 1))
    figures = service.counters.export()["listeners"][service.listening[0]]
    assert figures["datagramsDropped"] == 1
    await service.stopService()


async def test_what_cannot_be_bound_leaves_nothing_open(
    socketPath: Callable[[str], str], capfd: pytest.CaptureFixture[str]
) -> None:
    service = EchoService([TCP, f"unix:{socketPath('a')}", "unix:/proc/self/none"])
    with pytest.raises(CannotStart, match=r"listen E.* /proc/self/none"):
        service.startService()
    assert service.listening == []
    assert not os.path.lexists(socketPath("a"))
    assert not service.running


async def test_a_live_connection_keeps_the_stop_waiting() -> None:
    service = EchoService([TCP], grace=3600)
    service.startService()
    client = net.createConnection(port(service), "127.0.0.1")
    client.write("ping")
    received = [await once(client, "data")]
    stopped = service.stopService()
    client.end("last words")
    received.append(await once(client, "data"))
    await stopped
    assert received == [(b"ping",), (b"last words",)]


async def test_an_answer_on_its_way_to_a_slow_client_keeps_the_stop_waiting() -> None:
    """Was it closed, what such a client says next would be answered with a reset: all is lost."""
    clock = ClockedReactor()
    service = EchoService([TCP], grace=3600, reactor=clock)
    service.startService()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port(service)))
        client.sendall(bytes(50_000))
        client.setblocking(False)
        while tally(service)["sentBytes"] < 50_000:
            await deferLater(reactor, 0)
        stopped = service.stopService()
        for _ in range(10):
            clock.advance(LOOK_EVERY)
            await deferLater(reactor, 0)
        assert not stopped.called
        client.send(b"!")
        heard = b""
        while len(heard) <= 50_000:
            with suppress(BlockingIOError):
                chunk = client.recv(1 << 16)
                assert chunk
                heard += chunk
            await deferLater(reactor, 0)
        while not stopped.called:
            clock.advance(LOOK_EVERY)
            await deferLater(reactor, 0)
    assert heard == bytes(50_000) + b"!"


def test_a_malformed_string_is_refused_at_construction() -> None:
    with pytest.raises(EndpointStringError):
        EchoService(["tcp:x"])


@pytest.mark.parametrize("grace", [-1.0, inf, nan])
def test_a_grace_that_is_no_time_is_refused_at_construction(grace: float) -> None:
    with pytest.raises(ValueError, match=f"grace must be 0 seconds or more, not {grace:g}"):
        EchoService(grace=grace)


def test_the_default_is_this_machine_alone() -> None:
    assert all("interface=127.0.0.1" in str(where) for where in EchoService().endpoints)


class Signals:
    """The process's handlers, as a reactor leaves them."""

    def __init__(self) -> None:
        self.reached: list[int] = []
        self.hurried = 0

    def handler(self, number: int, frame: object) -> None:
        self.reached.append(number)

    def callFromThread(self, call: Callable[[], object]) -> None:
        call()

    def hurry(self) -> None:
        self.hurried += 1


@pytest.fixture
def signals() -> Iterator[Signals]:
    signals = Signals()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signals.handler)
    yield signals
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_reactor_gets_the_first_signal_and_no_other(signals: Signals) -> None:
    Impatience(signals, signals.hurry).begin()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        signal.raise_signal(number)
    assert signals.reached == [signal.SIGINT]
    assert signals.hurried == 2


def test_two_services_hurry_together(signals: Signals) -> None:
    for _ in range(2):
        Impatience(signals, signals.hurry).begin()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert signals.reached == [signal.SIGTERM]
    assert signals.hurried == 2


def test_the_handlers_are_given_back(signals: Signals) -> None:
    impatience = Impatience(signals, signals.hurry)
    impatience.begin()
    impatience.end()
    assert signal.getsignal(signal.SIGINT) == signals.handler


def test_who_handles_no_signals_is_left_alone(signals: Signals) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Impatience(signals, signals.hurry).begin()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
