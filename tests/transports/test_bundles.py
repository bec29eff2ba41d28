"""What is written when the kernel has said that it has room leaves together; nothing is lost by it.

Law of these tests: bytes are told apart by where they stand in the stream.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator

import pytest
from links import KINDS, POLLERS, Recorder, pairOf
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from nodenet.loop import pollerOf
from nodenet.transports.tcp import TCPTransport

Pair = tuple[Recorder, Recorder]

LARGE = bytes(range(256)) * 4096
"""A megabyte: more than the buffers between the two ends take."""

CHUNK = 65_536


def numbered(size: int, first: int) -> bytes:
    """`size` bytes, a multiple of 8, that no other part of a stream has."""
    return b"".join(b"%08x" % number for number in range(first, first + size // 8))


def connected() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection with the kernel's own buffers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    return near, far


def tcp() -> tuple[Recorder, socket.socket]:
    """A descriptor, and the plain socket at its other end."""
    near, far = connected()
    if near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < 2 << 20:
        near.close()
        far.close()
        pytest.skip("net.ipv4.tcp_wmem: connections have too little room for a bundle")
    far.setblocking(False)
    return Recorder(TCPTransport(pollerOf(), near)), far


@pytest.fixture(params=[*((kind, poller) for kind in KINDS for poller in POLLERS), None])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two ends that read: with small buffers, of every kind; and with the kernel's own."""
    if request.param is not None:
        with pairOf(*request.param) as ends:
            yield ends
        return
    near, far = (Recorder(TCPTransport(pollerOf(), skt)) for skt in connected())
    near.link.startReading()
    far.link.startReading()
    yield near, far
    near.link.close()
    far.link.close()


async def filled(near: Recorder, far: Recorder) -> bytes:
    """Write until the kernel takes no more, and have it read then; what was written."""
    far.link.stopReading()
    written = [LARGE]
    while near.link.send(written[-1]):
        written.append(LARGE)
    far.link.startReading()
    return b"".join(written)


def discard(far: socket.socket) -> int:
    """Take what has arrived; how many bytes."""
    try:
        return len(far.recv(1 << 24))
    except BlockingIOError:
        return 0


def firstFlush(near: Recorder, act: Callable[[], object]) -> None:
    """Do `act` in the first flush notice."""

    def told(name: str) -> None:
        if name == "flushed":
            near.onEvent = None
            act()

    near.onEvent = told


async def test_bytes_keep_their_order_whatever_is_written_from_the_flush_notice(
    pair: Pair,
) -> None:
    near, far = pair
    parts = [await filled(near, far)]
    parts += [numbered(8 * (n * 389 % 1000), n << 16) for n in range(200)]

    def more() -> None:
        for n in range(1, 201, 4):
            near.link.send(parts[n])
            near.link.sendv(parts[n + 1 : n + 4])
        assert near.link.bytesSent + near.link.queued == sum(map(len, parts))

    firstFlush(near, more)
    everything = b"".join(parts)
    await far.bytes(len(everything))
    assert far.received == everything
    assert (near.link.queued, near.link.held) == (0, False)


async def test_what_may_be_written_is_told_again_and_again(pair: Pair) -> None:
    near, far = pair
    sent = [await filled(near, far)]

    def pump(name: str) -> None:
        while name == "flushed" and len(sent) < 300:
            sent.append(numbered(8 * 500, len(sent) << 16))
            if not near.link.send(sent[-1]):
                return

    near.onEvent = pump
    await far.bytes(len(sent[0]) + 299 * 4000)
    assert far.received == b"".join(sent)


@pytest.mark.parametrize("way", ["send", "sendv"])
async def test_more_is_said_to_have_left_than_one_call_takes(way: str) -> None:
    near, far = tcp()
    while near.link.send(bytes(CHUNK)):
        pass
    outcomes: list[bool] = []

    def more() -> None:
        assert not near.link.held
        while not outcomes or outcomes[-1]:
            if way == "send":
                outcomes.append(near.link.send(bytes(CHUNK)))
            else:
                outcomes.append(near.link.sendv([bytes(CHUNK // 2)] * 2))
        assert near.link.held

    firstFlush(near, more)
    while not outcomes:
        discard(far)
        await deferLater(reactor, 0)
    # All of it has left in the meantime: the kernel had promised to take it.
    assert len(outcomes) == 8
    assert (near.link.queued, near.link.held) == (0, False)
    before = len(near.events)
    while len(near.events) == before:  # then there is more room
        discard(far)
        await deferLater(reactor, 0)
    near.link.close()
    far.close()


@pytest.mark.parametrize("way", ["send", "sendv"])
async def test_nothing_to_send_is_not_waited_for(way: str) -> None:
    near, far = tcp()
    while near.link.send(bytes(CHUNK)):
        pass

    def more() -> None:
        if way == "send":
            assert near.link.send(bytes(CHUNK))
            near.link.send(b"")
        else:
            assert not near.link.sendv([bytes(CHUNK)] * 8 + [b""])
        assert near.link.held

    firstFlush(near, more)
    while near.link.writing:  # that it may write is told again when all has left
        discard(far)
        await deferLater(reactor, 0)
    assert near.events == ["flushed"] * 2
    near.link.close()
    far.close()


async def test_closing_in_the_flush_notice_loses_nothing_that_was_accepted() -> None:
    near, far = tcp()
    total = 0
    while near.link.send(bytes(CHUNK)):
        total += CHUNK
    total += CHUNK

    def close() -> None:
        nonlocal total
        for _ in range(4):
            assert near.link.send(bytes(CHUNK))
            total += CHUNK
        assert near.link.held
        near.link.close()

    firstFlush(near, close)
    received = 0
    while received < total:
        received += discard(far)
        await deferLater(reactor, 0)
    assert far.recv(1) == b""
    far.close()


async def test_what_is_held_may_be_sent_at_once(pair: Pair) -> None:
    near, far = pair
    before = await filled(near, far)

    def more() -> None:
        near.link.send(LARGE[:1200])
        near.link.sendHeld()
        assert not near.link.held
        near.link.send(LARGE[:1300])
        assert not near.link.held

    firstFlush(near, more)
    await far.bytes(len(before) + 2500)
    assert far.received == before + LARGE[:1200] + LARGE[:1300]


async def test_a_connection_that_is_gone_is_told_of_what_was_held() -> None:
    near, far = tcp()
    while near.link.send(bytes(CHUNK)):
        pass

    def more() -> None:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        far.close()
        assert near.link.send(bytes(CHUNK))
        assert near.errors == []

    firstFlush(near, more)
    while near.onEvent is not None:
        discard(far)
        await deferLater(reactor, 0)
    [error] = near.errors
    assert error.syscall == "write"  # type: ignore[attr-defined]  # one of ours
    assert error.errno in (errno.ECONNRESET, errno.EPIPE)
    assert (near.link.queued, near.link.held, near.link.writing) == (0, False, False)
    near.link.close()


async def test_a_handler_that_fails_leaves_what_it_has_written(
    flushLoggedErrors: Callable[..., list[Failure]],
) -> None:
    with pairOf("tcp", "epoll") as (near, far):
        assert not near.link.send(LARGE)

        def fail() -> None:
            near.link.send(LARGE[:1200])
            raise ZeroDivisionError

        firstFlush(near, fail)
        await far.bytes(len(LARGE) + 1200)
        assert far.received == LARGE + LARGE[:1200]
        assert len(flushLoggedErrors(ZeroDivisionError)) == 1


async def test_a_kernel_that_breaks_its_promise_is_waited_for() -> None:
    with pairOf("memory", "epoll") as (near, far):
        skt = near.link.getHandle()
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 3 << 20)  # it has 8 KiB
        assert not near.link.send(LARGE)
        firstFlush(near, lambda: [near.link.send(LARGE[:50_000]) for _ in range(4)])
        await far.bytes(len(LARGE) + 1)
        assert near.link.queued > 0
        await far.bytes(len(LARGE) + 200_000)
        assert far.received == LARGE + LARGE[:50_000] * 4
        await near.until(lambda: near.link.queued == 0)


async def test_no_peer_is_so_fast_that_sending_never_ends() -> None:
    near, far = tcp()
    sent = received = 0
    while True:
        accepted = near.link.send(bytes(CHUNK))
        sent += CHUNK
        assert sent <= 8 << 20
        if not accepted:
            break
        while received < sent:
            received += discard(far)
    await near.event("flushed")  # in the next turn it goes on
    assert near.link.send(bytes(CHUNK))
    near.link.close()
    far.close()
