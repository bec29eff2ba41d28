"""What a relay refuses to start with, and what it waits for and cuts off when it stops."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import pytest
from services.relays import TCP, Held, Log, Relays, echo, everything, outcome, pair, port, where
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from zope.interface import implementer

from nodenet import net
from nodenet.events import once
from nodenet.services import CannotStart, RelayService
from nodenet.testing import ClockedReactor

# -- starting -------------------------------------------------------------------------------


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


async def test_an_endpoint_that_takes_its_time_is_refused(relays: Relays) -> None:
    """A service is bound when it has started; privileges are given up then."""

    @implementer(IStreamServerEndpoint)
    class Slow:
        def listen(self, factory: Any) -> Deferred[Any]:
            return Deferred()

    with pytest.raises(CannotStart, match="a service has to be bound at once"):
        relays.start([Slow()], await relays.target(echo))


# -- stopping -------------------------------------------------------------------------------


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
