"""Twisted protocols on stream transports: writes, producers, half-close, the end."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import pytest
from links import pairOf, tcpSockets, unixSockets
from transports.protocols import (
    LARGE,
    HalfClosing,
    Seeing,
    drained,
    inHandler,
    packets,
    tcp,
    turns,
)
from twisted.internet import reactor
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IPushProducer,
    ISystemHandle,
    ITCPTransport,
    ITransport,
    IUNIXTransport,
)
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from nodenet.loop import openHandles, pollerOf
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport


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


def test_nothing_is_left_open() -> None:
    assert openHandles() == []
