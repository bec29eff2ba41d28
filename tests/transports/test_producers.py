"""Producers and consumers on nodenet's transports."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from transports.protocols import (
    LARGE,
    Producing,
    Seeing,
    drained,
    inHandler,
    tcp,
    turns,
)
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from nodenet.loop import openHandles, pollerOf
from nodenet.transports.unix import UNIXTransport


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
