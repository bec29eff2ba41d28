"""Hosts in one process: network namespaces, joined by bridges. For `test_hosts`.

Law: a socket belongs to the host in whose ``with`` block it was opened, wherever it is used.

Run as ``unshare --user --map-root-user --net python hosts.py SCENARIO``; no root is needed. What a
scenario finds wrong is an exception, so this ends with status 1.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from nodenet import dgram, events, loop

_NEW_NETWORK = 0x4000_0000
_libc = ctypes.CDLL(None, use_errno=True)
_base = os.open("/proc/self/ns/net", os.O_RDONLY)


def ip(*words: str) -> None:
    """Run iproute2's ``ip`` in the namespace of this moment."""
    subprocess.run(["ip", *words], check=True)


class Host:
    """One host, with an interface ``eth0``, ``eth1``, ... on each of the networks given."""

    def __init__(self, number: int, networks: int = 1) -> None:
        self.number = number
        _libc.unshare(_NEW_NETWORK)
        self._namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
        _libc.setns(_base, _NEW_NETWORK)
        for network in range(networks):
            near, far = f"h{number}n{network}", f"eth{network}"
            path = f"/proc/{os.getpid()}/fd/{self._namespace}"
            ip("link", "add", near, "type", "veth", "peer", "name", far)
            ip("link", "set", far, "netns", path)
            ip("link", "set", near, "master", f"br{network}", "up")
            with self:
                ip("addr", "add", f"{self.address(network)}/24", "dev", far)
                ip("-6", "addr", "add", f"{self.address6(network)}/64", "dev", far, "nodad")
                # No duplicate address detection: link-local addresses count at once.
                with open(f"/proc/sys/net/ipv6/conf/{far}/accept_dad", "w") as setting:
                    setting.write("0")
                ip("link", "set", far, "up")
        with self:
            ip("link", "set", "lo", "up")
            ip("route", "add", "224.0.0.0/4", "dev", "eth0")

    def address(self, network: int = 0) -> str:
        """Its IPv4 address on a network."""
        return f"10.9.{network}.{self.number}"

    def address6(self, network: int = 0) -> str:
        """Its IPv6 address on a network."""
        return f"fd09:{network}::{self.number}"

    def __enter__(self) -> None:
        if _libc.setns(self._namespace, _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")

    def __exit__(self, *error: object) -> None:
        _libc.setns(_base, _NEW_NETWORK)

    async def socket(self, type: str = "udp4", port: int = 0, **options: Any) -> dgram.Socket:
        """A socket of this host, bound."""
        socket = dgram.createSocket(type, **options)
        opened.append(socket)
        with self:
            socket.bind(port)
            await events.once(socket, "listening")
        heard[socket] = []
        socket.on("message", lambda msg, rinfo: heard[socket].append((msg, rinfo.address)))
        return socket


opened: list[dgram.Socket] = []
heard: dict[dgram.Socket, list[tuple[bytes, str]]] = {}


def networks(count: int) -> None:
    """Bridges that forward every multicast frame, as simple switches do."""
    for network in range(count):
        ip("link", "add", f"br{network}", "type", "bridge", "mcast_snooping", "0")
        ip("link", "set", f"br{network}", "up")


async def sent(socket: dgram.Socket, msg: str, port: int, address: str) -> None:
    """Send, and wait until it has left."""
    done: Deferred[None] = Deferred()
    socket.send(
        msg, port, address, lambda error, _: done.errback(error) if error else done.callback(None)
    )
    await done


async def settled(sender: dgram.Socket, *receivers: tuple[dgram.Socket, str]) -> None:
    """Wait until each receiver has what was sent before: a marker goes the same way."""
    for socket, address in receivers:
        await sent(sender, "marker", info(socket).port, address)
        while not any(msg == b"marker" for msg, _ in heard[socket]):
            await events.once(socket, "message")
        heard[socket] = [one for one in heard[socket] if one[0] != b"marker"]


def info(socket: dgram.Socket) -> dgram.AddressInfo:
    """Where an IP socket is bound."""
    address = socket.address()
    assert isinstance(address, dgram.AddressInfo)
    return address


def texts(socket: dgram.Socket) -> list[str]:
    """What it has heard."""
    return [msg.decode() for msg, _ in heard[socket]]


FAMILIES = [("udp4", "239.9.9.9", "232.9.9.9"), ("udp6", "ff15::9", "ff35::9")]


def place(host: Host, type: str, network: int = 0) -> str:
    """How a host's interface is named when it joins, or sends."""
    return host.address(network) if type == "udp4" else f"::%eth{network}"


def of(host: Host, type: str, network: int = 0) -> str:
    """A host's address of a family."""
    return host.address(network) if type == "udp4" else host.address6(network)


async def interface(type: str, group: str, _: str) -> None:
    """A group joined on one interface is not heard on the other."""
    networks(2)
    sender, receiver = Host(1, 2), Host(2, 2)
    listening, talking = await receiver.socket(type), await sender.socket(type)
    with receiver:
        listening.addMembership(group, place(receiver, type, 1))
    for network in (0, 1):
        with sender:
            talking.setMulticastInterface(place(sender, type, network))
        await sent(talking, f"on {network}", info(listening).port, group)
    await settled(talking, (listening, of(receiver, type)), (listening, of(receiver, type, 1)))
    assert texts(listening) == ["on 1"], texts(listening)


async def two_receivers(type: str, group: str, _: str) -> None:
    """Two sockets with `reuseAddr` on one port of one host both hear."""
    networks(1)
    sender, receiver = Host(1), Host(2)
    first = await receiver.socket(type, reuseAddr=True)
    second = await receiver.socket(type, info(first).port, reuseAddr=True)
    for socket in (first, second):
        with receiver:
            socket.addMembership(group, place(receiver, type))
    talking = await sender.socket(type)
    await sent(talking, "to both", info(first).port, group)
    for socket in (first, second):
        if not heard[socket]:
            await events.once(socket, "message")
        assert texts(socket) == ["to both"]
    with receiver:
        second.dropMembership(group, place(receiver, type))


async def sources(type: str, _: str, group: str) -> None:
    """Of two sources only the one that was asked for is heard, until it is dropped."""
    networks(1)
    wanted, other, receiver = Host(1), Host(2), Host(3)
    listening = await receiver.socket(type)
    talking, noise = await wanted.socket(type), await other.socket(type)
    membership = (of(wanted, type), group, place(receiver, type))
    with receiver:
        listening.addSourceSpecificMembership(*membership)
    port, here = info(listening).port, of(receiver, type)
    await sent(noise, "noise", port, group)
    await sent(talking, "wanted", port, group)
    await settled(noise, (listening, here))
    await settled(talking, (listening, here))
    assert texts(listening) == ["wanted"], texts(listening)
    with receiver:
        listening.dropSourceSpecificMembership(*membership)
    await sent(talking, "late", port, group)
    await settled(talking, (listening, here))
    assert texts(listening) == ["wanted"], texts(listening)


async def reach(type: str, group: str, _: str) -> None:
    """A TTL of 0 stays on the host; without loopback the host itself hears nothing."""
    networks(1)
    sender, receiver = Host(1), Host(2)
    far = await receiver.socket(type)
    near = await sender.socket(type, info(far).port)
    for host, socket in ((receiver, far), (sender, near)):
        with host:
            socket.addMembership(group, place(host, type))
    talking = await sender.socket(type)
    with sender:
        talking.setMulticastInterface(place(sender, type))
    for ttl, loopback in ((0, True), (1, False), (1, True)):
        talking.setMulticastTTL(ttl)
        talking.setMulticastLoopback(loopback)
        await sent(talking, f"ttl {ttl} loopback {loopback}", info(far).port, group)
    await settled(talking, (far, of(receiver, type)), (near, of(sender, type)))
    assert texts(far) == ["ttl 1 loopback False", "ttl 1 loopback True"], texts(far)
    assert texts(near) == ["ttl 0 loopback True", "ttl 1 loopback True"], texts(near)


async def link_local(*_: str) -> None:
    """A link-local sender is shown with its interface, and can be answered as shown."""
    networks(1)
    client, server = Host(1), Host(2)
    listening = await server.socket("udp6")
    talking = await client.socket("udp6")
    with server:
        shown = subprocess.run(
            ["ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link"],
            capture_output=True,
            check=True,
            text=True,
        )
    address = shown.stdout.split()[3].partition("/")[0]
    with client:
        talking.send("question", info(listening).port, f"{address}%eth0")
    with server:
        msg, rinfo = await events.once(listening, "message")
        assert (msg, rinfo.address[:6], rinfo.address[-5:]) == (b"question", "fe80::", "%eth0")
        listening.send("answer", rinfo.port, rinfo.address)
    with client:
        msg, rinfo = await events.once(talking, "message")
    assert (msg, rinfo.address) == (b"answer", f"{address}%eth0")


async def broadcast(*_: str) -> None:
    """Broadcast is refused until it is allowed."""
    networks(1)
    sender, receiver = Host(1), Host(2)
    listening, talking = await receiver.socket(), await sender.socket()
    try:
        await sent(talking, "x", info(listening).port, "10.9.0.255")
        raise AssertionError("was allowed")
    except PermissionError as error:
        assert str(error) == f"send EACCES 10.9.0.255:{info(listening).port}"
    talking.setBroadcast(True)
    await sent(talking, "to all", info(listening).port, "10.9.0.255")
    assert (await events.once(listening, "message"))[0] == b"to all"


async def full(*_: str) -> None:
    """While the link takes nothing datagrams wait, then leave in order; the queue is told truly."""
    networks(1)
    sender, receiver = Host(1), Host(2)
    with receiver:
        ip("link", "set", "eth0", "arp", "off")  # so nobody finds it
    with sender, open("/proc/sys/net/ipv4/neigh/eth0/mcast_solicit", "w") as tries:
        tries.write("60")  # one a second: nothing is given up in the meantime
    listening = await receiver.socket(recvBufferSize=212_992)
    talking = await sender.socket(sendBufferSize=4608)
    results: list[object] = []
    for index in range(200):
        msg = f"{index}".ljust(500)
        talking.send(
            msg, info(listening).port, receiver.address(), lambda error, _: results.append(error)
        )
    idle: Deferred[None] = Deferred()
    loop.pollerOf().callLater(0.5, idle.callback, None)
    before = sum(os.times()[:2])
    await idle
    assert sum(os.times()[:2]) - before < 0.3, "waiting costs time"
    waiting = talking.getSendQueueCount()
    assert 0 < waiting < 200, waiting
    assert talking.getSendQueueSize() == 500 * waiting
    assert len(results) == 200 - waiting
    with receiver:
        ip("link", "set", "eth0", "arp", "on")
    while len(heard[listening]) < 200:
        await events.once(listening, "message")
    assert [int(text) for text in texts(listening)] == list(range(200))
    assert set(results) == {None}
    assert talking.getSendQueueCount() == 0


async def runs(*_: str) -> None:
    """Runs of equal datagrams arrive whole, also those that are too long for the link's frames."""
    networks(1)
    sender, receiver = Host(1), Host(2)
    listening = await receiver.socket(recvBufferSize=212_992)
    talking = await sender.socket()
    expected = []
    for size in (1400, 1472, 1473, 2000, 1400):
        for index in range(20):
            expected.append(f"{index}".ljust(size))
            talking.send(expected[-1], info(listening).port, receiver.address())
        await sent(talking, "", info(listening).port, receiver.address())
    while sum(map(bool, texts(listening))) < len(expected):
        await events.once(listening, "message")
    assert [text for text in texts(listening) if text] == expected


SCENARIOS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    scenario.__name__: scenario
    for scenario in (
        interface,
        two_receivers,
        sources,
        reach,
        link_local,
        broadcast,
        full,
        runs,
    )
}


async def main(name: str, family: str) -> None:
    """Run a scenario."""
    await SCENARIOS[name](*FAMILIES[int(family)])
    for socket in opened:
        socket.close()


if __name__ == "__main__":
    loop.run(main, *sys.argv[1:])
