"""Sockets over Twisted's `StringTransport`, as unit tests of protocols use it."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from foreign import heard, turns
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from nodenet import net


class TestStringTransport:
    def joined(self, **options: Any) -> tuple[net.Socket, Any, Any]:
        transport: Any = StringTransport()
        socket = net.Socket.fromTransport(transport, **options)
        return socket, transport, transport.protocol

    async def test_bytes_go_both_ways(self) -> None:
        socket, transport, protocol = self.joined()
        written: list[str] = []
        socket.write(b"out", lambda error: written.append("written"))
        assert transport.value() == b"out"
        received: list[bytes] = []
        socket.on("data", received.append)
        protocol.dataReceived(b"in")
        await turns()
        assert (received, written) == ([b"in"], ["written"])
        socket.destroy()
        await turns()
        assert transport.disconnecting

    async def test_reading_pauses_the_transport(self) -> None:
        socket, transport, protocol = self.joined()
        socket.on("data", lambda data: socket.pause())
        await turns()
        assert transport.producerState == "producing"
        protocol.dataReceived(bytes(100_000))
        protocol.dataReceived(bytes(100_000))
        assert transport.producerState == "paused"
        socket.destroy()
        await turns()

    async def test_nothing_is_written_at_once_while_the_transport_is_full(self) -> None:
        socket, transport, _ = self.joined()
        written: list[str] = []
        transport.producer.pauseProducing()
        socket.write(b"", lambda error: written.append("nothing"))
        await turns()
        assert written == ["nothing"]
        socket.write(b"more", lambda error: written.append("more"))
        await turns()
        assert written == ["nothing"]
        transport.producer.resumeProducing()
        await turns()
        assert written == ["nothing", "more"]
        socket.destroy()
        await turns()

    async def test_the_end_is_clean_or_an_error_with_its_code(self) -> None:
        socket, _, protocol = self.joined()
        told: list[Any] = []
        socket.on("end", lambda: told.append("end")).on("close", told.append).resume()
        protocol.connectionLost(Failure(ConnectionDone()))
        await turns()
        assert told == ["end", False]

        socket, _, protocol = self.joined()
        socket.on("error", lambda error: told.append(error.code)).on("close", told.append)
        protocol.connectionLost(Failure(ConnectionLost()))
        await turns()
        assert told[2:] == ["ECONNRESET", True]

    async def test_what_came_before_the_end_is_read_before_it(self) -> None:
        socket, _, protocol = self.joined(highWaterMark=10)
        protocol.dataReceived(b"x" * 50)
        protocol.dataReceived(b"y" * 50)
        protocol.connectionLost(Failure(ConnectionDone()))
        assert await heard(socket) == b"x" * 50 + b"y" * 50

    async def test_the_caller_may_give_the_buffer(self) -> None:
        buffer = bytearray(4)
        seen: list[bytes] = []
        socket, _, protocol = self.joined(
            onread={"buffer": buffer, "callback": lambda size, it: seen.append(bytes(it[:size]))}
        )
        await turns()
        protocol.dataReceived(b"abcdef")
        assert seen == [b"abcd", b"ef"]
        socket.destroy()
        await turns()

    async def test_an_empty_buffer_is_an_error(self) -> None:
        onread = {"buffer": bytearray(), "callback": pytest.fail}
        socket, _, protocol = self.joined(onread=onread)
        await turns()
        failed: Deferred[Any] = Deferred()
        socket.on("error", failed.callback)
        protocol.dataReceived(b"abc")
        assert (await failed).errno == errno.ENOBUFS
        await turns()

    async def test_writing_when_it_is_lost_is_a_broken_pipe(self) -> None:
        socket, _, protocol = self.joined(allowHalfOpen=True)
        socket.resume()
        protocol.connectionLost(Failure(ConnectionDone()))
        await turns()
        failed: Deferred[Any] = Deferred()
        socket.on("error", failed.callback)
        socket.write(b"x")
        assert (await failed).errno == errno.EPIPE
        await turns()
