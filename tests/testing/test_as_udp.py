"""A fake host tells its sockets what the kernel tells them of this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from machine import NEEDS_IPV6
from twisted.internet import reactor as installed
from twisted.internet.task import deferLater

from nodenet import dgram
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.testing import Network

reactor: Any = installed
Create = Callable[..., dgram.Socket]
Told = list[str]

EVENTS = ("listening", "connect", "message", "error", "close")
GROUP = "239.77.7.7"


class Play:
    """Sockets, and what they tell; ports are called by the order in which they were seen."""

    def __init__(self, create: Create) -> None:
        self._create = create
        self._ports: dict[int, str] = {}
        self.sockets: list[dgram.Socket] = []
        self.told: list[Told] = []

    def socket(self, type: str = "udp4", **options: Any) -> dgram.Socket:
        made = self._create({"type": type, **options})
        told: Told = []
        for name in EVENTS:
            made.on(name, lambda *args, name=name: told.append(self.words(name, *args)))
        self.sockets.append(made)
        self.told.append(told)
        return made

    async def bound(self, type: str = "udp4", **options: Any) -> tuple[dgram.Socket, int]:
        made = self.socket(type, **options)
        made.bind(0, "127.0.0.1" if type == "udp4" else "::1")
        await turns()
        port: int = made.address().port
        return made, port

    def sent(self, socket: dgram.Socket, *args: Any, **options: Any) -> None:
        told = self.told[self.sockets.index(socket)]
        everything = (*args, lambda *result: told.append(self.words("sent", *result)))
        socket.send(*everything, **options)

    def words(self, *what: Any) -> str:
        text = " ".join(str(one) for one in what)
        for socket in self.sockets:
            try:
                port = socket.address().port
            except (OSError, ERR_SOCKET_DGRAM_NOT_RUNNING):
                continue  # not bound, or closed
            self._ports.setdefault(port, f"port{len(self._ports)}")
        for port, name in self._ports.items():
            text = text.replace(str(port), name)
        return text


async def turns() -> None:
    for _ in range(8):
        await deferLater(reactor, 0)


async def speaks(play: Play) -> None:
    one, _ = await play.bound()
    two, port = await play.bound()
    for msg in (b"", b"hello", bytes(9000)):
        play.sent(one, msg, port, "127.0.0.1")
    await turns()
    two.close()


async def speaks_ipv6(play: Play) -> None:
    one, _ = await play.bound("udp6")
    _, port = await play.bound("udp6")
    play.sent(one, "hello", port, "::1")
    play.sent(one, "hello", port, "127.0.0.1")


async def is_refused(play: Play) -> None:
    dead, port = await play.bound()
    dead.close()
    one, _ = await play.bound()
    play.sent(one, "unheard", port, "127.0.0.1")
    await turns()
    one.connect(port, "127.0.0.1")
    await turns()
    for _ in range(2):
        play.sent(one, "refused")
        await turns()


async def is_connected(play: Play) -> None:
    one, first = await play.bound()
    two, second = await play.bound()
    three, _ = await play.bound()
    one.connect(second, "127.0.0.1")
    await turns()
    play.sent(three, "from a stranger", first, "127.0.0.1")
    play.sent(two, "from the peer", first, "127.0.0.1")
    play.sent(one, "to the peer")
    await turns()
    one.disconnect()
    play.sent(three, "from anybody", first, "127.0.0.1")


async def is_too_long(play: Play) -> None:
    one, port = await play.bound()
    play.sent(one, bytes(65_508), port, "127.0.0.1")
    play.sent(one, bytes(65_507), port, "127.0.0.1")


async def is_wrong(play: Play) -> None:
    one, port = await play.bound()
    play.sent(one, "x", port, "255.255.255.255")
    play.sent(one, "x", port, "::1")
    two = play.socket()
    two.bind(port, "127.0.0.1")
    await turns()
    three = play.socket()
    three.bind(0, "203.0.113.77")


async def shares_a_port(play: Play) -> None:
    _, port = await play.bound(reuseAddr=True)
    two = play.socket(reuseAddr=True)
    two.bind(port, "127.0.0.1")
    await turns()
    three, _ = await play.bound()
    play.sent(three, "to the latest", port, "127.0.0.1")


async def joins(play: Play) -> None:
    members: list[dgram.Socket] = []
    for _ in range(2):
        member = play.socket(reuseAddr=True)
        member.bind(members[0].address().port if members else 0)
        await turns()
        member.addMembership(GROUP, "127.0.0.1")
        members.append(member)
    sender, _ = await play.bound()
    sender.setMulticastInterface("127.0.0.1")
    port = members[0].address().port
    play.sent(sender, "to both", port, GROUP)
    await turns()
    members[1].dropMembership(GROUP, "127.0.0.1")
    for wrong in (lambda: members[1].dropMembership(GROUP, "127.0.0.1"), joinsTwice(members[0])):
        with pytest.raises(OSError, match="Membership") as refused:
            wrong()
        play.told[0].append(str(refused.value))
    sender.setMulticastLoopback(False)
    play.sent(sender, "to nobody here", port, GROUP)


def joinsTwice(member: dgram.Socket) -> Callable[[], None]:
    return lambda: member.addMembership(GROUP, "127.0.0.1")


async def is_of_both_families(play: Play) -> None:
    both = play.socket("udp6")
    both.bind(0)
    await turns()
    port = both.address().port
    four, mine = await play.bound()
    play.sent(four, "from IPv4", port, "127.0.0.1")
    await turns()
    play.sent(both, "to IPv4", mine, "::ffff:127.0.0.1")
    only = play.socket("udp6", ipv6Only=True)
    only.bind(0)
    await turns()
    play.sent(four, "unheard", only.address().port, "127.0.0.1")


async def tells_details(play: Play) -> None:
    asked = play.socket(packetInfo=True)
    asked.bind(0)
    await turns()
    one, mine = await play.bound()
    play.sent(one, "x", asked.address().port, "127.0.0.1", tos=8)
    await turns()
    play.sent(asked, "y", mine, "127.0.0.1", fromAddress="127.0.0.9")


async def closes_with_messages_under_way(play: Play) -> None:
    one, _ = await play.bound()
    two, port = await play.bound()
    play.sent(one, "late", port, "127.0.0.1")
    one.close()
    await turns()
    two.close()


async def sends_to_anywhere(play: Play) -> None:
    """What a socket's `address()` says may be sent to as it is: it is this host."""
    for anywhere, kind in (("0.0.0.0", "udp4"), ("::", "udp6")):
        asked = play.socket(kind, ipv6Only=kind == "udp6")
        asked.bind(0, anywhere)
        await turns()
        port = asked.address().port
        one, _ = await play.bound(kind)
        play.sent(one, "to anywhere", port, anywhere)
        await turns()
        two = play.socket(kind)
        two.connect(port, anywhere)
        await turns()
        play.sent(two, "to anywhere, connected")
        await turns()
        play.told[0].append(two.remoteAddress().address)


async def is_of_one_family(play: Play) -> None:
    """A socket of IPv6 reaches IPv4 only where it is for both, and by one address or the other."""
    _, port = await play.bound()
    _, port6 = await play.bound("udp6")
    for bound, only in (("::1", False), ("::", True), ("::ffff:127.0.0.1", False)):
        one = play.socket("udp6", ipv6Only=only)
        one.bind(0, bound)
        await turns()
        play.sent(one, "to IPv4", port, "::ffff:127.0.0.1")
        await turns()
        play.sent(one, "to IPv6", port6, "::1")
        await turns()
    wrong = play.socket("udp6", ipv6Only=True)
    wrong.bind(0, "::ffff:127.0.0.1")


SCENARIOS = [
    speaks,
    pytest.param(speaks_ipv6, marks=NEEDS_IPV6),
    is_refused,
    is_connected,
    is_too_long,
    is_wrong,
    shares_a_port,
    joins,
    is_of_both_families,
    tells_details,
    pytest.param(sends_to_anywhere, marks=NEEDS_IPV6),
    pytest.param(is_of_one_family, marks=NEEDS_IPV6),
    closes_with_messages_under_way,
]


async def played(scenario: Callable[[Play], Any], create: Create) -> list[Told]:
    play = Play(create)
    await scenario(play)
    await turns()
    for socket in play.sockets:
        if socket._phase.value != "closed":
            socket.close()
    await turns()
    return play.told


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario.__name__))
async def test_it_is_as_on_this_machine(scenario: Callable[[Play], Any]) -> None:
    real = await played(scenario, dgram.createSocket)
    fake = await played(scenario, Network().host("192.0.2.1", "2001:db8::1").createSocket)
    assert fake == real
    assert any(real)
