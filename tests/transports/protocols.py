"""Protocols that note what they are told, on transports whose other end is a plain socket."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from links import tcpSockets
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop import pollerOf
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
