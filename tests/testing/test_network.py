"""A UDP network in memory: what it does to datagrams, and that chance repeats itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.error import CannotListenError, MulticastJoinError
from twisted.internet.interfaces import IReactorMulticast, IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.names import client, dns, hosts, server
from zope.interface.verify import verifyObject

from nodenet import dgram, events
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
from nodenet.loop import openHandles
from nodenet.testing import Network

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
A6, B6 = "2001:db8::1", "2001:db8::2"


class Talk:
    """A socket of B's that speaks to one of A's on port 53, and what both hear."""

    def __init__(self, type: str = "udp4", **conditions: Any) -> None:
        self.network = network = Network(**conditions)
        self.heard: list[bytes] = []
        self.errors: list[str] = []
        self.host, self.other = network.host(A, A6), network.host(B, B6)
        self.receiver = self.host.createSocket(type)
        self.receiver.on("message", lambda msg, rinfo: self.heard.append(msg))
        self.receiver.bind(53)
        self.sender = self.other.createSocket(type)
        self.sender.on("error", lambda error: self.errors.append(str(error)))
        self.sender.bind(0)
        self.to = A if type == "udp4" else A6
        network.clock.advance(0)

    def say(self, count: int, size: int = 0) -> list[bytes]:
        """Send so many datagrams, and let a minute pass."""
        said = [(b"%d" % index).ljust(size, b".") for index in range(count)]
        for index, msg in enumerate(said):
            self.sender.send(msg, 53, self.to)
            if index % 100 == 99:
                self.network.clock.advance(0.001)  # so that no receive buffer is ever full
        self.network.clock.advance(60)
        return said

    def close(self) -> None:
        self.network.close()
        self.network.clock.advance(0)
        assert openHandles() == []


def talk(**conditions: Any) -> Talk:
    return Talk(**{"delay": 0.01, **conditions})


# -- chance -----------------------------------------------------------------------------------


def test_what_is_sent_arrives_in_order() -> None:
    talking = talk()
    assert talking.say(200) == talking.heard
    talking.close()


def outcome(seed: int) -> tuple[list[str], list[bytes]]:
    conditions = {"loss": 0.2, "duplication": 0.2, "reordering": 0.2, "jitter": 0.1}
    talking = talk(seed=seed, **conditions)
    talking.say(100)
    talking.close()
    return list(talking.network.trace), talking.heard


def test_the_same_seed_makes_the_same_trace() -> None:
    assert outcome(7) == outcome(7)
    assert outcome(7) != outcome(8)


def test_a_condition_does_not_change_what_another_one_does() -> None:
    def lost(**conditions: Any) -> list[bool]:
        talking = talk(seed=3, loss=0.3, **conditions)
        talking.say(100)
        talking.close()
        return ["lost" in line for line in talking.network.trace]

    assert lost() == lost(duplication=0.5, reordering=0.5, jitter=1)


def test_a_share_is_lost() -> None:
    talking = talk(loss=0.3)
    said = talking.say(1000)
    assert 600 < len(talking.heard) < 800
    assert set(talking.heard) <= set(said)
    talking.close()


def test_a_share_arrives_twice() -> None:
    talking = talk(duplication=1)
    said = talking.say(20)
    assert talking.heard == [msg for msg in said for _ in range(2)]
    talking.close()


def test_a_share_is_overtaken_and_none_is_lost() -> None:
    talking = talk(reordering=0.3)
    said = talking.say(500)
    assert sorted(talking.heard) == sorted(said)
    displaced = sum(one != other for one, other in zip(said, talking.heard, strict=True))
    assert 100 < displaced < 400
    talking.close()


def test_what_nothing_overtakes_comes_late() -> None:
    talking = talk(reordering=1)
    talking.sender.send("x", 53, A)
    talking.network.clock.advance(0.1)
    assert talking.heard == []
    talking.network.clock.advance(0.02)
    assert talking.heard == [b"x"]
    talking.close()


def test_conditions_can_change() -> None:
    talking = talk()
    talking.network.change(loss=1)
    talking.say(5)
    assert talking.heard == []
    talking.network.change(loss=0)
    assert talking.say(5) == talking.heard
    talking.close()


@pytest.mark.parametrize(
    ("conditions", "error"),
    [
        ({"loss": 1.5}, ERR_OUT_OF_RANGE),
        ({"duplication": "often"}, ERR_INVALID_ARG_TYPE),
        ({"delay": -1}, ERR_OUT_OF_RANGE),
        ({"bandwidth": 0}, ERR_OUT_OF_RANGE),
        ({"mtu": 10}, ERR_OUT_OF_RANGE),
        ({"seed": "x"}, ERR_INVALID_ARG_TYPE),
        ({"losses": 1}, TypeError),
    ],
)
def test_a_wrong_condition_is_refused(conditions: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Network(**conditions)


def test_the_report_has_all_that_is_needed_to_repeat_it() -> None:
    talking = talk(seed=5, loss=0.5)
    talking.say(3)
    first, *lines = talking.network.report().splitlines()
    assert first == "<Network seed=5 loss=0.5 delay=0.01>"
    assert len(lines) == 3
    assert lines[0].startswith(f"0.000 {B}:50001 > {A}:53 1 bytes: ")
    talking.close()


# -- time -------------------------------------------------------------------------------------


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


# -- limits -----------------------------------------------------------------------------------


def test_a_full_line_makes_datagrams_wait_in_order_and_loses_none() -> None:
    talking = talk(bandwidth=10_000)
    talking.sender.setSendBufferSize(2_000)
    for index in range(50):
        talking.sender.send(f"{index}".ljust(1000), 53, A)
    talking.network.clock.advance(0.05)
    assert talking.heard == []
    assert talking.sender.getSendQueueCount() == 46
    talking.network.clock.advance(1)
    assert 9 <= len(talking.heard) <= 11
    # What waits is tried again by timers of the reactor; here it is the line that says when.
    talking.network.clock.advance(60)
    assert [int(msg) for msg in talking.heard] == list(range(50))
    assert talking.errors == []
    talking.close()


def test_what_is_too_long_is_refused() -> None:
    talking = talk(mtu=1500)
    talking.sender.send(bytes(1472), 53, A)
    talking.sender.send(bytes(1473), 53, A)
    talking.network.clock.advance(1)
    assert talking.errors == [f"send EMSGSIZE {A}:53"]
    assert [len(msg) for msg in talking.heard] == [1472]
    talking.close()


def test_a_full_receive_buffer_drops_and_counts() -> None:
    talking = talk()
    talking.receiver.setRecvBufferSize(5_000)
    talking.say(30, size=1000)
    assert 5 <= len(talking.heard) < 30
    assert talking.receiver.getDroppedCount() == 30 - len(talking.heard)
    assert talking.network.trace[-1].endswith("dropped: receive buffer full")
    talking.close()


def test_only_a_connected_socket_hears_that_nobody_listens() -> None:
    talking = talk()
    talking.sender.send("x", 54, A)
    talking.network.clock.advance(1)
    assert talking.errors == []
    talking.sender.connect(54, A)
    talking.network.clock.advance(0)
    talking.sender.send("y")
    talking.network.clock.advance(1)
    assert talking.errors == ["recvmsg ECONNREFUSED"]
    talking.sender.disconnect()
    assert talking.say(1) == talking.heard
    talking.close()


def test_what_goes_to_no_host_is_nowhere() -> None:
    talking = talk()
    talking.sender.send("x", 53, C)
    talking.network.clock.advance(1)
    assert talking.network.trace[-1].endswith("nobody there")
    talking.close()


def test_a_host_without_ipv6_reaches_none() -> None:
    network = Network()
    errors: list[str] = []
    socket = network.host(A).createSocket("udp6")
    socket.send("x", 53, B6, lambda error, _: errors.append(str(error)))
    network.clock.advance(0)
    assert errors == [f"send ENETUNREACH {B6}:53"]
    network.close()
    network.clock.advance(0)


# -- addresses --------------------------------------------------------------------------------


def test_a_host_has_addresses_of_its_own() -> None:
    network = Network()
    network.host(A)
    for wrong in ("0.0.0.0", "224.0.0.1", "127.0.0.1", "nowhere"):
        with pytest.raises(OSError, match="Invalid argument"):
            network.host(wrong)
    with pytest.raises(OSError, match="in use"):
        network.host(B, A)


def test_binding_is_refused_as_a_kernel_does() -> None:
    network = Network()
    host = network.host(A)
    taken = host.listenUDP(53, DatagramProtocol())
    with pytest.raises(CannotListenError, match=r"bind EADDRINUSE 192\.0\.2\.1:53"):
        host.listenUDP(53, DatagramProtocol(), A)
    with pytest.raises(CannotListenError, match=r"bind EADDRNOTAVAIL 192\.0\.2\.2:53"):
        host.listenUDP(53, DatagramProtocol(), B)
    taken.stopListening()
    network.clock.advance(0)
    host.listenUDP(53, DatagramProtocol(), A).stopListening()
    network.clock.advance(0)


def test_a_socket_of_both_families_hears_both() -> None:
    network = Network()
    host, other = network.host(A, A6), network.host(B, B6)
    heard: list[tuple[bytes, str]] = []
    both = host.createSocket("udp6", lambda msg, rinfo: heard.append((msg, rinfo.address)))
    both.bind(53)
    four, six = other.createSocket("udp4"), other.createSocket("udp6")
    network.change(delay=0.1)
    four.send("four", 53, A)
    six.send("six", 53, A6)
    both.send("mapped", four.address().port if four._descriptor else 50_001, f"::ffff:{B}")
    network.clock.advance(1)
    assert sorted(heard) == [(b"four", f"::ffff:{B}"), (b"six", B6)]
    network.close()
    network.clock.advance(0)


def test_a_connected_socket_hears_its_peer_alone() -> None:
    network = Network(delay=0.1)
    one, two, three = (network.host(address).createSocket("udp4") for address in (A, B, C))
    heard: list[bytes] = []
    one.on("message", lambda msg, rinfo: heard.append(msg))
    two.bind(7)
    one.bind(53, lambda: one.connect(7, B))
    network.clock.advance(0)
    two.send("friend", 53, A)
    three.send("stranger", 53, A)
    network.clock.advance(1)
    assert heard == [b"friend"]
    network.close()
    network.clock.advance(0)


# -- groups -----------------------------------------------------------------------------------


class Group(DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.heard.append(datagram)


def group(to: str, interface: str, *addresses: str) -> tuple[Network, list[Group], list[Any]]:
    """Ports of several hosts that have joined a group."""
    network = Network(delay=0.1)
    members = [Group() for _ in addresses]
    ports = []
    for protocol, address in zip(members, addresses, strict=True):
        port = network.host(address).listenMulticast(5353, protocol, interface)
        port.joinGroup(to)
        ports.append(port)
    return network, members, ports


@pytest.mark.parametrize(
    ("to", "interface", "addresses"),
    [("239.1.2.3", "", (A, B, C)), ("ff15::9", "::", (A6, B6, "2001:db8::3"))],
)
def test_a_group_hears_what_is_sent_to_it(
    to: str, interface: str, addresses: tuple[str, ...]
) -> None:
    network, members, ports = group(to, interface, *addresses)
    ports[0].write(b"to all", (to, 5353))
    network.clock.advance(1)
    assert [member.heard for member in members] == [[b"to all"]] * 3
    ports[0].setLoopbackMode(False)
    ports[1].leaveGroup(to)
    ports[0].write(b"to others", (to, 5353))
    network.clock.advance(1)
    assert [b"to others" in member.heard for member in members] == [False, False, True]
    ports[0].setTTL(0)
    ports[0].write(b"to nobody", (to, 5353))
    network.clock.advance(1)
    assert not any(b"to nobody" in member.heard for member in members)
    network.close()
    network.clock.advance(0)


async def test_no_group_is_joined_twice_or_on_strange_interfaces() -> None:
    network, _, [port] = group("239.1.2.3", "", A)
    with pytest.raises(MulticastJoinError):
        await port.joinGroup("239.1.2.3")
    with pytest.raises(MulticastJoinError):
        await port.joinGroup("239.1.2.4", B)
    with pytest.raises(MulticastJoinError):
        await port.joinGroup(A)
    await port.joinGroup("239.1.2.4", A)
    network.close()


@pytest.mark.parametrize(
    ("type", "to", "wanted", "other"),
    [("udp4", "232.1.2.3", A, B), ("udp6", "ff35::9", A6, B6)],
)
def test_one_source_of_a_group_alone(type: str, to: str, wanted: str, other: str) -> None:
    network = Network(delay=0.1)
    heard: list[bytes] = []
    listening = network.host(C, "2001:db8::3").createSocket(
        type, lambda msg, rinfo: heard.append(msg)
    )
    listening.bind(7)
    network.clock.advance(0)
    listening.addSourceSpecificMembership(wanted, to)
    sockets = [network.host(address).createSocket(type) for address in (wanted, other)]
    for socket in sockets:
        socket.send(f"from {sockets.index(socket)}", 7, to)
    network.clock.advance(1)
    assert heard == [b"from 0"]
    listening.dropSourceSpecificMembership(wanted, to)
    with pytest.raises(OSError, match="dropSourceSpecificMembership E"):
        listening.dropSourceSpecificMembership(wanted, to)
    network.close()
    network.clock.advance(0)


def test_broadcast_has_to_be_allowed() -> None:
    talking = talk()
    everybody = "255.255.255.255"
    talking.sender.send("x", 53, everybody)
    talking.network.clock.advance(1)
    assert talking.errors == [f"send EACCES {everybody}:53"]
    talking.sender.setBroadcast(True)
    talking.sender.send("y", 53, everybody)
    talking.network.clock.advance(1)
    assert talking.heard == [b"y"]
    talking.close()


# -- programs ---------------------------------------------------------------------------------


def test_a_host_is_a_reactor() -> None:
    host = Network().host(A)
    for interface in (IReactorUDP, IReactorMulticast, IReactorTime):
        assert verifyObject(interface, host)


def test_twisteds_resolver_asks_again_until_it_is_answered(tmp_path: Any) -> None:
    network = Network(seed=1, delay=0.02)
    known = tmp_path / "hosts"
    known.write_text("192.0.2.7 www.example.test\n")
    factory = server.DNSServerFactory(clients=[hosts.Resolver(str(known).encode())])
    network.host(A).listenUDP(53, dns.DNSDatagramProtocol(factory, reactor=network.clock))
    resolver = client.Resolver(servers=[(A, 53)], reactor=network.host(B))
    answers: list[Any] = []
    network.change(loss=1)
    resolver.lookupAddress("www.example.test").addCallback(answers.append)
    network.clock.advance(3)
    assert answers == []
    network.change(loss=0)
    network.clock.advance(60)
    assert answers[0][0][0].payload.dottedQuad() == "192.0.2.7"
    assert network.trace[0].endswith("lost")
    network.close()
    network.clock.advance(0)


async def test_a_socket_on_a_link_runs_on_it_too() -> None:
    network = Network()
    linked = dgram.createSocket("udp4")
    network.host(A).listenUDP(53, dgram.DatagramLink(linked))
    other = network.host(B).createSocket("udp4")
    other.send("hello", 53, A)
    msg, rinfo = await events.once(linked, "message")
    linked.send(msg, rinfo.port, rinfo.address)
    assert (await events.once(other, "message"))[0] == b"hello"
    network.close()


async def test_names_are_not_looked_up() -> None:
    socket = Network().host(A).createSocket("udp4")
    socket.bind(0, "example.invalid")
    with pytest.raises(OSError, match=r"getaddrinfo ENOTFOUND example\.invalid"):
        await events.once(socket, "listening")
    socket.bind(0, "localhost")
    await events.once(socket, "listening")
    assert socket.address().address == "127.0.0.1"
    socket.close()


async def test_closing_the_network_closes_all_and_forgets_the_rest() -> None:
    talking = talk(delay=5)
    stopped: list[str] = []

    class Stopped(DatagramProtocol):
        def stopProtocol(self) -> None:
            stopped.append("stopped")

    talking.host.listenUDP(54, Stopped())
    talking.sender.send("x", 53, A)
    for _ in range(3):
        await deferLater(reactor, 0)  # type: ignore[arg-type]  # it is one
    talking.network.close()
    for _ in range(3):
        await deferLater(reactor, 0)  # type: ignore[arg-type]  # it is one
    assert openHandles() == []
    assert stopped == ["stopped"]
    assert talking.network.clock.getDelayedCalls() == []
    talking.network.clock.advance(10)
    assert talking.heard == []


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(0, 3000), max_size=40),
    bandwidth=st.one_of(st.none(), st.integers(2_000, 10**6)),
    type=st.sampled_from(["udp4", "udp6"]),
)
def test_a_network_without_faults_delivers_everything_once(
    seed: int, sizes: list[int], bandwidth: int | None, type: str
) -> None:
    talking = talk(seed=seed, bandwidth=bandwidth, type=type)
    said = [bytes([size & 255]) * size for size in sizes]
    for msg in said:
        talking.sender.send(msg, 53, talking.to)
    talking.network.clock.advance(120)
    assert talking.heard == said
    talking.close()
