"""Hosts of a UDP network in memory: their addresses, their groups, and programs on them."""

from __future__ import annotations

from typing import Any

import pytest
from testing.talk import A6, B6, A, B, C, talk
from twisted.internet.error import CannotListenError, MulticastJoinError
from twisted.internet.interfaces import IReactorMulticast, IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.names import client, dns, hosts, server
from zope.interface.verify import verifyObject

from nodenet import dgram, events
from nodenet.testing import Network

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
