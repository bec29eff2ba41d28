"""Descriptors over Unix sockets, both ways."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import FileDescriptorOverrun
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet import net
from nodenet.loop import pollerOf
from nodenet.transports.unix import UNIXTransport


class Ending(Protocol):
    reason: Failure

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.reason = reason
        self.ended.callback(None)


@implementer(IFileDescriptorReceiver)
class Receiving(Ending):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes | int] = []

    def fileDescriptorReceived(self, descriptor: int) -> None:
        self.told.append(descriptor)

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)


def joined(one: Protocol, other: Protocol) -> tuple[UNIXTransport, UNIXTransport]:
    transports = tuple(UNIXTransport(pollerOf(), end) for end in socket.socketpair())
    for transport, protocol in zip(transports, (one, other), strict=True):
        transport.run(protocol)
    return transports  # type: ignore[return-value]  # there are two


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_descriptor_arrives_before_the_bytes_it_came_with() -> None:
    receiving = Receiving()
    near, _ = joined(Ending(), receiving)
    reading, writing = os.pipe()
    near.sendFileDescriptor(reading)
    os.close(reading)  # the caller's own is not needed any more
    near.write(b"with bytes")
    near.loseConnection()
    await receiving.ended
    received, *data = receiving.told
    assert isinstance(received, int)
    assert b"".join(data) == b"with bytes"  # type: ignore[arg-type]  # the rest is bytes
    os.write(writing, b"through it")
    assert os.read(received, 100) == b"through it"
    os.close(received)
    os.close(writing)


async def test_several_arrive_in_their_order_also_when_the_peer_is_slow() -> None:
    receiving = Receiving()
    near, far = joined(Ending(), receiving)
    far.pauseProducing()
    pipes = [os.pipe() for _ in range(20)]
    for index, (reading, writing) in enumerate(pipes):
        near.write(bytes(100_000))
        near.sendFileDescriptor(reading)
        os.write(writing, b"%d" % index)
        os.close(reading)
        os.close(writing)
        await deferLater(reactor, 0)
    near.loseConnection()
    far.resumeProducing()
    await receiving.ended
    received = [told for told in receiving.told if isinstance(told, int)]
    assert [os.read(one, 10) for one in received] == [b"%d" % index for index in range(20)]
    assert sum(len(told) for told in receiving.told if isinstance(told, bytes)) == 2_000_000
    for one in received:
        os.close(one)


async def test_a_socket_that_takes_over_ends_behind_descriptors_that_wait() -> None:
    receiving = Receiving()
    near, far = joined(Ending(), receiving)
    far.pauseProducing()
    filled = 0
    try:
        while True:
            filled += near.getHandle().send(b"x")
    except BlockingIOError:
        pass
    near.write(b"1")
    near.sendFileDescriptor(0)
    await deferLater(reactor, 0)
    assert near.queued == 1
    socket = net.Socket.fromTransport(near)
    told: list[str] = []
    socket.on("finish", lambda: told.append("finish")).on(
        "close", lambda error: told.append("close")
    )
    socket.resume().end()
    far.resumeProducing()
    await receiving.ended
    assert sum(len(one) for one in receiving.told if isinstance(one, bytes)) == filled + 1
    for one in receiving.told:
        if isinstance(one, int):
            os.close(one)
    while "close" not in told:
        await deferLater(reactor, 0)
    assert told == ["finish", "close"]


async def test_more_descriptors_than_bytes_lose_the_connection() -> None:
    before = descriptors()
    ending, other = Ending(), Ending()
    near, _ = joined(ending, other)
    near.write(b"1")
    near.sendFileDescriptor(0)
    near.sendFileDescriptor(0)
    await ending.ended
    await other.ended
    assert ending.reason.check(FileDescriptorOverrun)
    assert descriptors() == before


async def test_descriptors_nobody_takes_are_closed() -> None:
    before = descriptors()
    ending, other = Ending(), Ending()
    near, _ = joined(ending, other)
    near.write(b"12")
    near.sendFileDescriptor(0)
    near.sendFileDescriptor(0)
    near.loseConnection()
    await other.ended
    assert descriptors() == before


async def test_descriptors_that_wait_are_closed_with_the_connection() -> None:
    before = descriptors()
    ending, other = Ending(), Ending()
    near, far = joined(ending, other)
    far.pauseProducing()
    near.write(bytes(1_000_000))
    await deferLater(reactor, 0)
    for _ in range(5):
        near.sendFileDescriptor(0)
    near.abortConnection()
    far.abortConnection()
    await ending.ended
    await other.ended
    assert descriptors() == before


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    near, far = joined(Ending(), Ending())
    with pytest.raises(OSError, match="Bad file descriptor"):
        near.sendFileDescriptor(99_999)
    near.close()
    far.close()


async def test_a_protocol_that_closes_in_between_gets_no_more(
    flushLoggedErrors: Callable[..., list[Failure]],
) -> None:
    before = descriptors()

    class Refusing(Receiving):
        def fileDescriptorReceived(self, descriptor: int) -> None:
            os.close(descriptor)
            raise ZeroDivisionError

    refusing, ending = Refusing(), Ending()
    near, _ = joined(ending, refusing)
    near.write(b"1")
    near.sendFileDescriptor(0)
    await refusing.ended
    await ending.ended
    assert refusing.reason.check(ZeroDivisionError)
    assert len(flushLoggedErrors(ZeroDivisionError)) == 1
    assert descriptors() == before
