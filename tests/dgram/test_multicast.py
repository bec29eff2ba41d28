"""Multicast on loopback, for machines that allow no several hosts; `test_hosts` goes further.

A loopback interface has no route for IPv6 groups, and hears its own datagrams whatever is set.
"""

from __future__ import annotations

import sys

import pytest

from nodenet import events

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other loopbacks do not multicast")

HERE = "127.0.0.1"
GROUP = "239.8.8.8"
CHOSEN = "232.8.8.8"  # a group with chosen sources


async def sending(sockets, address):
    """A socket that sends multicast from an address, to this host alone."""
    socket = sockets()
    socket.bind(0, address)
    await events.once(socket, "listening")
    socket.setMulticastInterface(HERE)
    return socket


async def listening(sockets, port=0):
    """A socket on all interfaces, with `reuseAddr`."""
    socket = sockets("udp4", reuseAddr=True)
    socket.bind(port)
    await events.once(socket, "listening")
    return socket


async def heard(messages, sender, port):
    """What has come: the sender sends ``end`` behind it, to the port alone."""
    sender.send("end", port, HERE)
    taken = []
    while (msg := (await anext(messages))[0]) != b"end":
        taken.append(msg)
    return taken


async def test_members_hear_a_group_until_they_leave(sockets):
    sender, first = await sending(sockets, HERE), await listening(sockets)
    port = first.address().port
    second = await listening(sockets, port)
    for member in (first, second):
        member.addMembership(GROUP, HERE)
    both = [events.once(member, "message") for member in (first, second)]
    sender.send("to both", port, GROUP)
    assert [(await one)[0] for one in both] == [b"to both"] * 2
    first.close()
    second.dropMembership(GROUP, HERE)
    messages = second.messages()
    sender.send("to nobody", port, GROUP)
    assert await heard(messages, sender, port) == []


async def test_only_the_sources_that_were_asked_for_are_heard(sockets):
    wanted, other = await sending(sockets, HERE), await sending(sockets, "127.0.0.2")
    receiver = await listening(sockets)
    port, messages = receiver.address().port, receiver.messages()

    async def both():
        other.send("other", port, CHOSEN)
        wanted.send("wanted", port, CHOSEN)
        return [*await heard(messages, other, port), *await heard(messages, wanted, port)]

    receiver.addSourceSpecificMembership(HERE, CHOSEN, HERE)
    assert await both() == [b"wanted"]
    receiver.addSourceSpecificMembership("127.0.0.2", CHOSEN, HERE)
    assert sorted(await both()) == [b"other", b"wanted"]
    receiver.dropSourceSpecificMembership(HERE, CHOSEN, HERE)
    assert await both() == [b"other"]
    receiver.dropSourceSpecificMembership("127.0.0.2", CHOSEN, HERE)
    assert await both() == []
