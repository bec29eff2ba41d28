"""Runs of equal datagrams to one peer: sent in one piece, they arrive as if sent one by one."""

from __future__ import annotations

import errno
import socket as sockets_of_python
import sys

import pytest

from nodenet import events

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other kernels cut nothing")

RUNS = [(1, 3), (64, 64), (64, 65), (1200, 100), (1472, 150), (2048, 64), (2049, 64), (0, 10)]


def numbered(count, size=100):
    """Equally long messages, all different."""
    return [b"%d" % index + bytes(size - len(b"%d" % index)) for index in range(count)]


@pytest.mark.parametrize("type", ["udp4", "udp6"])
@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize(("size", "count"), RUNS)
async def test_equal_datagrams_to_one_peer_stay_datagrams(
    sockets, take, type, connected, size, count
):
    receiver = await sockets.bound(type, recvBufferSize=212_992)
    sender = await (sockets.connected(receiver) if connected else sockets.bound(type))
    where = () if connected else (receiver.address().port, receiver.address().address)
    messages = [bytes([index]) * size for index in range(count)]
    results = []
    for msg in messages:
        sender.send(msg, *where, lambda *result: results.append(result))
    assert await take(receiver, count) == messages
    assert results == [(None, size)] * count


class Pair:
    """A sender, and a receiver that has room for all that is sent."""

    def __init__(self, sender, receiver):
        self.sender, self.receiver = sender, receiver
        self.where = (receiver.address().port, "127.0.0.1")
        self._arrived = receiver.messages()

    async def take(self, count):
        """What arrives next."""
        return [(await anext(self._arrived))[0] for _ in range(count)]

    async def run(self, messages=None):
        """Send equal messages from one handler; they must arrive. What the callbacks got."""
        messages = numbered(60) if messages is None else messages
        results = []
        for msg in messages:
            self.sender.send(msg, *self.where, lambda *result: results.append(result))
        assert await self.take(len(messages)) == messages
        return results


@pytest.fixture
def pair(sockets):
    """``await pair(sender=None, **options)``: a sender with options, or this one."""

    async def make(sender=None, **options):
        receiver = await sockets.bound(recvBufferSize=212_992)
        return Pair(sender or await sockets.bound(**options), receiver)

    return make


async def test_they_leave_in_one_piece(pair, spy):
    two, calls = await pair(), spy()
    await two.run()
    await two.run()
    assert calls.counts == [1, 1]


async def test_unless_that_is_switched_off(pair, spy):
    two, calls = await pair(segmentation=False), spy()
    await two.run()
    two.sender.connect(*two.where)
    await events.once(two.sender, "connect")
    two.where = ()
    await two.run()
    assert calls.counts == [60, 60]


@pytest.mark.parametrize("refusal", [errno.EIO, errno.EINVAL, errno.EMSGSIZE])
async def test_or_the_way_to_the_peer_does_not_allow_it_which_is_tried_once(pair, spy, refusal):
    one = await pair()
    other = await pair(one.sender)
    calls = spy(failures=[refusal])
    await one.run()
    await one.run()
    await other.run()
    assert calls.counts == [60, 60, 1]


async def test_shorter_ones_are_cut_where_longer_ones_cannot_be(pair, spy):
    two, calls = await pair(), spy(failures=[errno.EMSGSIZE])
    for size in (1400, 1399, 1400):
        await two.run(numbered(60, size))
    assert calls.counts == [60, 2, 60]


async def test_a_peer_that_was_connected_to_anew_is_tried_anew(pair, spy):
    two, calls = await pair(), spy(failures=[errno.EIO])
    where = two.where
    for _ in range(2):
        two.sender.connect(*where)
        await events.once(two.sender, "connect")
        two.where = ()
        await two.run()
        two.sender.disconnect()
    assert calls.counts == [60, 1]


async def test_datagrams_that_are_refused_themselves_say_nothing_of_cutting(pair, spy, sent):
    two, calls = await pair(), spy(failures=[errno.EINVAL, errno.EINVAL])
    errors = []
    for msg in numbered(9):
        two.sender.send(msg, *two.where, lambda error, _: errors.append(error))
    assert await sent(two.sender, bytes(100), *two.where) == (None, 100)
    assert str(errors[0]) == f"send EINVAL 127.0.0.1:{two.receiver.address().port}"
    assert errors[1:] == [None] * 8
    assert await two.take(9) == [*numbered(9)[1:], bytes(100)]
    assert calls.counts == [1]


async def test_a_run_that_is_refused_is_refused_datagram_by_datagram(sockets, sent):
    sender = await sockets.bound()
    codes = []
    for _ in range(5):
        sender.send("x", 9, "255.255.255.255", lambda error, _: codes.append(error.code))
    await sent(sender, "x", 9, "127.0.0.1")
    assert codes == ["EACCES"] * 5


@pytest.mark.parametrize("failures", [[], [0, errno.EAGAIN], [errno.ENOBUFS, 0, errno.EAGAIN]])
async def test_pieces_that_leave_one_by_one_tell_each_datagram(pair, spy, failures):
    two, calls = await pair(), spy(most=1, failures=failures)
    assert await two.run(numbered(130, 1200)) == [(None, 1200)] * 130
    # at most 54 datagrams of 1,200 bytes are in a piece, and 64 in a call
    assert calls.counts == [1] * len(calls.counts)
    assert 3 <= len(calls.counts) <= 6


async def test_the_class_of_one_in_the_middle_is_its_own(sockets):
    receiver = await sockets.bound(packetInfo=True)
    sender = await sockets.bound()
    heard = receiver.messages()
    for index in range(30):
        tos = {"tos": 8} if index == 15 else {}
        sender.send(b"%2d" % index, receiver.address().port, "127.0.0.1", **tos)
    taken = [await anext(heard) for _ in range(30)]
    assert [int(msg) for msg, _ in taken] == list(range(30))
    assert [index for index, (_, rinfo) in enumerate(taken) if rinfo.tos == 8] == [15]


async def test_a_run_to_a_group_reaches_every_member(sockets, spy):
    first = sockets("udp4", reuseAddr=True)
    first.bind(0)
    await events.once(first, "listening")
    second = sockets("udp4", reuseAddr=True)
    second.bind(first.address().port)
    await events.once(second, "listening")
    sender, calls = await sockets.bound(), spy()
    sender.setMulticastInterface("127.0.0.1")
    heard = []
    for member in (first, second):
        member.addMembership("239.7.7.7", "127.0.0.1")
        heard.append(member.messages())
    for msg in numbered(20):
        sender.send(msg, first.address().port, "239.7.7.7")
    for messages in heard:
        assert [(await anext(messages))[0] for _ in range(20)] == numbered(20)
    assert calls.counts == [1]


async def test_a_run_from_a_dual_stack_socket_to_an_ipv4_peer(sockets, take, spy):
    receiver, sender = await sockets.bound(), sockets("udp6")
    sender.bind(0)
    await events.once(sender, "listening")
    calls = spy()
    for msg in numbered(20):
        sender.send(msg, receiver.address().port, "::ffff:127.0.0.1")
    assert await take(receiver, 20) == numbered(20)
    assert calls.counts == [1]


def lite():
    """A UDP-Lite socket of Python's, bound."""
    try:
        skt = sockets_of_python.socket(type=sockets_of_python.SOCK_DGRAM, proto=136)
    except OSError as refused:
        pytest.skip(f"no UDP-Lite: {refused}")
    skt.bind(("127.0.0.1", 0))
    return skt


async def test_an_adopted_socket_of_a_kind_that_is_not_cut(sockets):
    receiver, sender = sockets(), sockets()
    receiver.bind(fd=lite().detach())
    sender.bind(fd=lite().detach())
    heard = receiver.messages()
    for msg in numbered(20):
        sender.send(msg, receiver.address().port, "127.0.0.1")
    assert [(await anext(heard))[0] for _ in range(20)] == numbered(20)
