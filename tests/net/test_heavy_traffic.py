"""Megabytes each way arrive intact, whatever the pace, and buffers stay bounded."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from certificates import clientOptions, serverOptions
from net_tools import happens
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.protocols.tls import TLSMemoryBIOFactory

from nodenet import net
from nodenet.endpoints import TCPClientEndpoint, TCPServerEndpoint
from nodenet.loop import pollerOf
from nodenet.testing import socketPair

Paths = Callable[[str], str]
Sockets = tuple[net.Socket, net.Socket]

SIZE = 10_000_000
CHUNK = 100_000
READ = 65_536


class Traffic:
    """One side: sends `SIZE` bytes as fast as it may, and sums up what it receives.

    Attributes:
        ends_halves: Whether to end while the other side still writes.
        most_unsent: The largest `writableLength` that was seen.
        most_unread: The largest `readableLength` that was seen.
    """

    def __init__(self, socket: net.Socket, seed: int) -> None:
        self.socket = socket
        self.ends_halves = True
        self.random = random.Random(seed)
        self.sent = self.received = self.most_unsent = self.most_unread = 0
        self.sent_sum, self.received_sum = hashlib.sha256(), hashlib.sha256()
        self.done: Deferred[tuple[Any, ...]] = happens(socket, "close")
        socket.on("data", self.data)

    def data(self, chunk: bytes) -> None:
        self.received += len(chunk)
        self.received_sum.update(chunk)
        self.most_unread = max(self.most_unread, self.socket.readableLength)
        if self.received == SIZE:
            self.end()

    def end(self) -> None:
        """All is sent, or all is received."""
        if self.sent == SIZE and (self.ends_halves or self.received == SIZE):
            self.socket.end()

    def chunk(self) -> bytes:
        return self.random.randbytes(CHUNK)

    def send(self) -> None:
        """Write until told to wait; end after the last byte."""
        while self.sent < SIZE:
            chunk = self.chunk()[: SIZE - self.sent]
            self.sent += len(chunk)
            self.sent_sum.update(chunk)
            room = self.socket.write(chunk)
            self.most_unsent = max(self.most_unsent, self.socket.writableLength)
            if not room:
                self.socket.once("drain", self.send)
                return
        self.end()


class SlowReader(Traffic):
    """Stops after each chunk, and goes on a little later."""

    def data(self, chunk: bytes) -> None:
        super().data(chunk)
        self.socket.pause()
        pollerOf().callLater(0, self.socket.resume)


class SlowWriter(Traffic):
    """Writes one chunk at a time, the next a little later."""

    def send(self) -> None:
        chunk = self.chunk()[: SIZE - self.sent]
        if not chunk:
            self.end()
            return
        self.sent += len(chunk)
        self.sent_sum.update(chunk)
        self.socket.write(chunk, lambda error: pollerOf().callLater(0, self.send))


class RandomChunks(Traffic):
    """Writes chunks of any length, also of none."""

    def chunk(self) -> bytes:
        return self.random.randbytes(self.random.choice((0, 1, 7, 1500, 65_535, 65_536, CHUNK)))


class RandomPauses(Traffic):
    """Pauses now and then, reading and writing."""

    def data(self, chunk: bytes) -> None:
        super().data(chunk)
        if self.random.random() < 0.2:
            self.socket.pause()
            pollerOf().callLater(self.random.choice((0, 0.001)), self.socket.resume)

    def chunk(self) -> bytes:
        if self.random.random() < 0.1:
            self.socket.cork()
            pollerOf().nextTick(self.socket.uncork)
        return super().chunk()


async def overServer(options: dict[str, Any]) -> Sockets:
    """Both ends of a connection that a server has accepted."""
    accepted: Deferred[net.Socket] = Deferred()
    server = net.createServer(accepted.callback, allowHalfOpen=True)
    server.listen(options)
    await happens(server, "listening")
    where: Any = server.address()
    client = net.Socket(allowHalfOpen=True)
    client.connect(where if "path" in options else {**options, "port": where.port})
    await happens(client, "connect")
    server.close()
    return client, await accepted


async def tcp(_: Paths) -> Sockets:
    return await overServer({"port": 0, "host": "127.0.0.1"})


async def unix(paths: Paths) -> Sockets:
    return await overServer({"path": paths("s")})


async def memory(_: Paths) -> Sockets:
    return socketPair(allowHalfOpen=True)


async def tls(_: Paths) -> Sockets:
    accepted: Deferred[net.Socket] = Deferred()
    factory = net.NodeFactory(accepted.callback)
    endpoint = TCPServerEndpoint(port=0, host="127.0.0.1")
    port: Any = await endpoint.listen(TLSMemoryBIOFactory(serverOptions(), False, factory))
    below = TCPClientEndpoint(host="127.0.0.1", port=port.getHost().port)
    connected: Deferred[net.Socket] = Deferred()
    await wrapClientTLS(clientOptions(), below).connect(net.NodeFactory(connected.callback))
    sockets = await connected, await accepted
    await port.stopListening()
    return sockets


@pytest.mark.filterwarnings("ignore:.*pyOpenSSL:DeprecationWarning")
@pytest.mark.parametrize("join", [memory, tcp, unix, tls], ids=lambda join: join.__name__)
@pytest.mark.parametrize("kind", [Traffic, SlowReader, SlowWriter, RandomChunks, RandomPauses])
async def test_ten_megabytes_each_way(
    kind: type[Traffic], join: Callable[[Paths], Awaitable[Sockets]], socketPath: Paths
) -> None:
    sides = [kind(socket, seed) for seed, socket in enumerate(await join(socketPath))]
    for side in sides:
        side.ends_halves = join is not tls  # which has one end for both directions
        side.send()
    for side, other in (sides, sides[::-1]):
        await side.done
        assert side.received == SIZE
        assert side.received_sum.digest() == other.sent_sum.digest()
        assert (side.socket.bytesRead, side.socket.bytesWritten) == (SIZE, SIZE)
        assert side.most_unsent <= side.socket.writableHighWaterMark + CHUNK
        assert side.most_unread <= side.socket.readableHighWaterMark + READ


async def test_who_never_reads_costs_no_more_than_his_buffer() -> None:
    accepted: Deferred[net.Socket] = Deferred()
    server = net.createServer(accepted.callback)
    server.listen(0, "127.0.0.1")
    await happens(server, "listening")
    where: Any = server.address()
    writer = net.connect(where.port, "127.0.0.1")
    reader = await accepted  # it never reads: nobody listens to 'data'
    server.close()

    def fill() -> None:
        while writer.write(bytes(CHUNK)):
            pass

    fill()
    writer.on("drain", fill)
    writer.setTimeout(100)
    await happens(writer, "timeout")  # for so long the kernel has taken nothing more
    assert writer.writableNeedDrain
    assert writer.writableLength <= writer.writableHighWaterMark + CHUNK
    assert reader.readableLength <= reader.readableHighWaterMark + READ
    assert reader.bytesRead <= reader.readableHighWaterMark + READ
    for socket in (writer, reader):
        socket.destroy()
        await happens(socket, "close")
