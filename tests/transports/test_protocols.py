"""Twisted protocols on stream transports: writes, producers, half-close, the end."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest
from links import pairOf, tcpSockets, unixSockets
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    ISystemHandle,
    ITCPTransport,
    ITransport,
    IUNIXTransport,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from nodenet.loop import openHandles, pollerOf
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport

LARGE = bytes(1_000_000)


class Seeing(Protocol):
    """Remembers what it is told; `ended` fires when the connection is lost."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.received = b""
        self.ended: Deferred[None] = Deferred()
        self.reason = Failure(AssertionError("it is not lost"))
        self.onMade: Callable[[], object] | None = None

    def connectionMade(self) -> None:
        self.told.append("made")
        if self.onMade is not None:
            self.onMade()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.told.append("lost")
        self.reason = reason
        self.ended.callback(None)


@implementer(IHalfCloseableProtocol)
class HalfClosing(Seeing):
    def readConnectionLost(self) -> None:
        self.told.append("read lost")

    def writeConnectionLost(self) -> None:
        self.told.append("write lost")


class Producing:
    """A producer that remembers what it is told."""

    def __init__(self, act: Callable[[], object] | None = None) -> None:
        self.told: list[str] = []
        self.act = act

    def resumeProducing(self) -> None:
        self.told.append("resume")
        if self.act is not None:
            self.act()

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def stopProducing(self) -> None:
        self.told.append("stop")


async def turns() -> None:
    for _ in range(5):
        await deferLater(reactor, 0)


def tcp(protocol: Any) -> tuple[TCPTransport, socket.socket]:
    """A transport that runs `protocol`, and the plain socket at the other end."""
    near, far = tcpSockets()
    far.setblocking(False)
    transport = TCPTransport(pollerOf(), near)
    transport.run(protocol)
    return transport, far


def packets(protocol: Any) -> tuple[UNIXTransport, socket.socket]:
    """As `tcp`, but each receive at the other end gives what one send gave."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    far.setblocking(False)
    transport = UNIXTransport(pollerOf(), near)
    transport.run(protocol)
    return transport, far


async def drained(far: socket.socket) -> bytes:
    """All that arrives until the end."""
    received = b""
    while True:
        try:
            data = far.recv(65536)
        except BlockingIOError:
            await deferLater(reactor, 0)
            continue
        if not data:
            return received
        received += data


def inHandler(act: Callable[..., object], *args: Any) -> None:
    """Run `act` as a handler of nodenet's."""
    pollerOf().ticks.call(None, act, *args)


class TestInterfaces:
    def test_transports_provide_twisteds(self) -> None:
        for sockets, kind, own in (
            (tcpSockets, TCPTransport, ITCPTransport),
            (unixSockets, UNIXTransport, IUNIXTransport),
        ):
            near, far = sockets()
            transport = kind(pollerOf(), near)
            for interface in (ITransport, IConsumer, IPushProducer, ISystemHandle, own):
                assert verifyObject(interface, transport)
            assert transport.getHandle() is near
            transport.close()
            far.close()


class TestWriting:
    async def test_the_writes_of_one_handler_leave_in_one_send(self) -> None:
        transport, far = packets(Seeing())

        def handler() -> None:
            transport.write(b"one ")
            transport.writeSequence([b"two ", b"three"])
            assert transport.bytesSent == 0

        inHandler(handler)
        assert far.recv(100) == b"one two three"  # no turn of the reactor was needed
        transport.close()
        far.close()

    async def test_a_write_outside_of_handlers_leaves_in_the_next_turn(self) -> None:
        transport, far = packets(Seeing())
        transport.write(b"a")
        transport.write(b"b")
        await turns()
        assert far.recv(100) == b"ab"
        transport.close()
        far.close()

    async def test_text_is_refused_and_other_bytes_are_copied(self) -> None:
        transport, far = packets(Seeing())
        with pytest.raises(TypeError, match="Data must be bytes"):
            transport.write("text")  # type: ignore[arg-type]  # what is tested
        with pytest.raises(TypeError):
            transport.writeSequence([b"good", "bad"])  # type: ignore[list-item]  # what is tested
        with pytest.raises(TypeError):
            transport.write(5)  # type: ignore[arg-type]  # what is tested
        changing = bytearray(b"before")

        def handler() -> None:
            transport.write(changing)  # type: ignore[arg-type]  # bytes are asked for
            changing.clear()

        inHandler(handler)
        assert far.recv(100) == b"before"
        transport.close()
        far.close()

    async def test_a_failure_never_happens_inside_write(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        transport.pauseProducing()
        far.close()
        await turns()
        while not seeing.ended.called:
            inHandler(transport.write, b"nobody reads this")
            await deferLater(reactor, 0)
        assert seeing.reason.value.errno in (errno.EPIPE, errno.ECONNRESET)
        assert seeing.reason.check(ConnectionLost)

    async def test_writing_to_a_lost_connection_does_nothing(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        far.close()
        await seeing.ended
        transport.write(b"late")
        transport.writeSequence([b"late"])
        transport.loseConnection()
        transport.abortConnection()
        transport.loseWriteConnection()
        transport.resumeProducing()
        await turns()
        assert seeing.told == ["made", "lost"]


class TestEnding:
    async def test_lose_connection_sends_what_was_written_first(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        transport.write(LARGE)
        transport.loseConnection()
        assert await drained(far) == LARGE
        await seeing.ended
        assert seeing.reason.check(ConnectionDone)
        assert seeing.told == ["made", "lost"]
        far.close()

    async def test_abort_drops_what_was_written_and_resets(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)

        def handler() -> None:
            transport.write(b"dropped")
            transport.abortConnection()

        inHandler(handler)
        await seeing.ended
        assert seeing.reason.check(ConnectionAborted)
        with far, pytest.raises(ConnectionResetError):
            far.recv(1)

    async def test_abort_does_not_lose_the_connection_inside_itself(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)

        def handler() -> None:
            transport.abortConnection()
            assert seeing.told == ["made"]

        inHandler(handler)
        assert seeing.told == ["made", "lost"]
        far.close()

    async def test_a_fin_ends_it_after_what_was_written_has_left(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        transport.write(LARGE)
        await turns()
        far.shutdown(socket.SHUT_WR)
        assert await drained(far) == LARGE
        await seeing.ended
        assert seeing.reason.check(ConnectionDone)
        far.close()

    async def test_a_reset_is_the_reason_with_its_errno(self) -> None:
        seeing = Seeing()
        _, far = tcp(seeing)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        far.close()
        await seeing.ended
        assert seeing.reason.value.errno == errno.ECONNRESET
        assert seeing.reason.check(ConnectionLost)
        assert seeing.reason.check(ConnectionResetError)

    async def test_an_exception_of_the_protocol_closes_and_is_the_reason(
        self, flushLoggedErrors: Callable[..., list[Failure]]
    ) -> None:
        class Broken(Seeing):
            def dataReceived(self, data: bytes) -> None:
                raise ZeroDivisionError

        broken = Broken()
        _, far = tcp(broken)
        far.send(b"x")
        await broken.ended
        assert broken.reason.check(ZeroDivisionError)
        assert len(flushLoggedErrors(ZeroDivisionError)) == 1
        assert await drained(far) == b""
        far.close()

    def test_an_exception_in_connection_made_closes(
        self, flushLoggedErrors: Callable[..., list[Failure]]
    ) -> None:
        broken = Seeing()
        broken.onMade = lambda: 1 / 0
        _, far = tcp(broken)
        assert broken.told == ["made", "lost"]
        assert len(flushLoggedErrors(ZeroDivisionError)) == 1
        far.close()

    async def test_the_addresses_are_known_after_the_end(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        host, peer = far.getpeername(), far.getsockname()
        far.close()
        await seeing.ended
        assert (transport.getHost().host, transport.getHost().port) == host
        assert (transport.getPeer().host, transport.getPeer().port) == peer

    async def test_a_stopping_reactor_loses_the_connection(self) -> None:
        with pairOf("tcp", "direct") as (near, far):
            seeing = Seeing()
            near.link.run(seeing)
            near.link.poller.stopped(Failure(ConnectionLost()))
            assert seeing.ended.called
            await seeing.ended
            assert seeing.reason.check(ConnectionLost)
            assert far.events == ["reactorStopped"]


class TestHalfClose:
    async def test_writing_ends_and_reading_goes_on(self) -> None:
        closing = HalfClosing()
        transport, far = tcp(closing)
        transport.write(LARGE)
        transport.loseWriteConnection()
        transport.write(b"too late")
        assert await drained(far) == LARGE
        far.send(b"answer")
        await turns()
        assert closing.told == ["made", "write lost"]
        assert closing.received == b"answer"
        far.close()
        await closing.ended

    async def test_reading_ends_and_writing_goes_on(self) -> None:
        closing = HalfClosing()
        transport, far = tcp(closing)
        far.shutdown(socket.SHUT_WR)
        while "read lost" not in closing.told:
            await deferLater(reactor, 0)
        transport.resumeProducing()
        transport.write(b"still here")
        transport.loseConnection()
        assert await drained(far) == b"still here"
        await closing.ended
        assert closing.told == ["made", "read lost", "lost"]
        far.close()

    async def test_when_both_halves_are_closed_the_connection_is(self) -> None:
        closing = HalfClosing()
        transport, far = tcp(closing)
        transport.loseWriteConnection()
        await turns()
        far.close()
        await closing.ended
        assert closing.reason.check(ConnectionDone)
        assert closing.told == ["made", "write lost", "read lost", "lost"]


class TestReading:
    async def test_a_protocol_may_pause_when_the_connection_is_made(self) -> None:
        seeing = Seeing()
        seeing.onMade = lambda: seeing.transport.pauseProducing()  # noqa: PLW0108  # not yet there
        transport, far = tcp(seeing)
        far.send(b"waits")
        await turns()
        assert seeing.received == b""
        transport.resumeProducing()
        while not seeing.received:
            await deferLater(reactor, 0)
        transport.close()
        far.close()

    async def test_another_protocol_gets_what_comes_after_the_swap(self) -> None:
        first, second = Seeing(), Seeing()
        transport, far = tcp(first)
        far.send(b"one")
        while not first.received:
            await deferLater(reactor, 0)
        transport.protocol = second
        second.transport = transport
        far.send(b"two")
        while not second.received:
            await deferLater(reactor, 0)
        far.close()
        await second.ended
        assert (first.received, second.received) == (b"one", b"two")
        assert (first.told, second.told) == (["made"], ["lost"])

    async def test_a_protocol_may_replace_its_own_data_received(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        replaced: list[bytes] = []
        setattr(seeing, "dataReceived", replaced.append)  # noqa: B010  # as if it were declared
        far.send(b"new")
        while not replaced:
            await deferLater(reactor, 0)
        transport.close()
        far.close()


class TestProducers:
    async def test_a_push_producer_is_paused_inside_write_and_resumed_when_that_has_left(
        self,
    ) -> None:
        transport, far = tcp(Seeing())
        producer = Producing()
        transport.registerProducer(producer, True)

        def handler() -> None:
            transport.write(b"x")
            assert producer.told == []
            transport.write(LARGE)
            assert producer.told == ["pause"]
            transport.write(b"x")

        inHandler(handler)
        assert producer.told == ["pause"]
        received = -2
        while received < len(LARGE):
            try:
                received += len(far.recv(65536))
            except BlockingIOError:
                await deferLater(reactor, 0)
        await turns()
        assert producer.told == ["pause", "resume"]
        transport.unregisterProducer()
        transport.close()
        far.close()

    async def test_a_producer_that_writes_until_it_is_paused(self) -> None:
        transport, far = tcp(Seeing())
        written, wanted = 0, len(LARGE) * 40

        def produce() -> None:
            nonlocal written
            while producer.told[-1] == "resume" and written < wanted:
                transport.write(bytes(10_000))
                written += 10_000
                assert transport.queued < transport.bufferSize + 10_000
            if written >= wanted:
                transport.unregisterProducer()
                transport.loseConnection()

        producer = Producing(produce)
        transport.registerProducer(producer, True)
        inHandler(producer.resumeProducing)
        assert producer.told[-1] == "pause"
        assert written < wanted  # what nobody reads is not written either
        received, ended = 0, False
        while not ended:
            try:
                data = far.recv(65536)
            except BlockingIOError:
                await deferLater(reactor, 0)
            else:
                received, ended = received + len(data), not data
        assert received == written >= wanted
        far.close()

    async def test_a_push_producer_leaves_others_their_turn(self) -> None:
        transport, far = tcp(Seeing())
        transport.bufferSize = 0
        producer = Producing(lambda: transport.write(b"x"))
        transport.registerProducer(producer, True)
        inHandler(producer.resumeProducing)
        assert len(producer.told) < 200
        transport.abortConnection()
        await turns()
        far.close()

    async def test_a_pull_producer_is_asked_until_it_unregisters(self) -> None:
        transport, far = tcp(Seeing())
        left = 100

        def produce() -> None:
            nonlocal left
            left -= 1
            transport.write(b"x" * 10_000)
            if not left:
                transport.unregisterProducer()

        producer = Producing(produce)
        transport.registerProducer(producer, False)
        transport.loseConnection()
        assert len(await drained(far)) == 1_000_000
        assert producer.told == ["resume"] * 100
        far.close()

    async def test_a_pull_producer_leaves_others_their_turn(self) -> None:
        near, far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        transport = UNIXTransport(pollerOf(), near)
        transport.run(Seeing())
        producer = Producing(lambda: transport.write(b"x"))
        transport.registerProducer(producer, False)
        await deferLater(reactor, 0)
        assert len(producer.told) < 200
        transport.close()
        far.close()

    async def test_losing_waits_for_a_pull_producer(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        producer = Producing()
        transport.registerProducer(producer, False)
        transport.loseConnection()
        await turns()
        assert seeing.told == ["made"]
        transport.write(b"the last")
        transport.unregisterProducer()
        assert await drained(far) == b"the last"
        await seeing.ended
        far.close()

    async def test_losing_does_not_wait_for_a_push_producer_that_has_room(self) -> None:
        # One whose own connection is gone, as a forwarder's, would never unregister.
        seeing = Seeing()
        transport, far = tcp(seeing)
        producer = Producing()
        transport.registerProducer(producer, True)
        transport.loseConnection()
        await seeing.ended
        assert producer.told == ["stop"]
        far.close()

    async def test_a_producer_is_stopped_when_the_connection_is_lost(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        producer = Producing()
        transport.registerProducer(producer, True)
        far.close()
        await seeing.ended
        assert producer.told == ["stop"]

    async def test_a_producer_of_a_lost_connection_is_stopped_at_once(self) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        far.close()
        await seeing.ended
        producer = Producing()
        transport.registerProducer(producer, True)
        assert producer.told == ["stop"]

    def test_two_producers_are_one_too_many(self) -> None:
        transport, far = tcp(Seeing())
        transport.registerProducer(Producing(), True)
        with pytest.raises(RuntimeError):
            transport.registerProducer(Producing(), True)
        transport.close()
        far.close()

    async def test_a_producer_that_raises_loses_the_connection(
        self, flushLoggedErrors: Callable[..., list[Failure]]
    ) -> None:
        seeing = Seeing()
        transport, far = tcp(seeing)
        producer = Producing()
        transport.registerProducer(producer, False)
        producer.act = lambda: 1 / 0
        transport.write(b"x")
        await seeing.ended
        assert seeing.reason.check(ZeroDivisionError)
        assert len(flushLoggedErrors(ZeroDivisionError)) == 1
        far.close()


def test_nothing_is_left_open() -> None:
    assert openHandles() == []
