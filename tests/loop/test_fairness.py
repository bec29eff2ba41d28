"""Full load on nodenet's descriptors starves nobody else in the process."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import protocol, reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.task import deferLater

from nodenet.loop import Handle, pollerOf


class Endless(Handle):
    """Has something to read always: what it reads it sends to itself again."""

    turns = 0

    def __init__(self) -> None:
        mine, self.other = socket.socketpair()
        super().__init__(pollerOf(), mine)
        self.other.send(b"on and on")
        self.startReading()

    def doRead(self) -> None:
        self.turns += 1
        self.other.send(self._socket.recv(100))

    def end(self) -> None:
        self.closeDescriptor()
        self.other.close()


class Shout(protocol.Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data.upper())


class Ask(protocol.Protocol):
    def __init__(self) -> None:
        self.answer: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.answer.callback(data)

    def connectionLost(self, reason: object = None) -> None:
        self.lost.callback(None)

    def makeConnection(self, transport: Any) -> None:
        self.lost: Deferred[None] = Deferred()
        super().makeConnection(transport)


async def test_timers_and_plain_twisted_connections_are_served_under_full_load() -> None:
    endless = [Endless() for _ in range(300)]
    for _ in range(20):
        await deferLater(reactor, 0, lambda: None)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
        protocol.Factory.forProtocol(Shout)
    )
    ask = Ask()
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port), ask)
    assert ask.transport is not None
    ask.transport.write(b"quietly")
    assert await ask.answer == b"QUIETLY"
    ask.transport.loseConnection()
    await ask.lost
    await port.stopListening()
    turns = [handle.turns for handle in endless]
    for handle in endless:
        handle.end()
    assert min(turns) > 0, "every descriptor had its turn"


async def test_one_busy_descriptor_does_not_keep_the_others_waiting() -> None:
    endless = Endless()
    quiet = Endless()
    while endless.turns < 1000:
        await deferLater(reactor, 0, lambda: None)
    difference = abs(endless.turns - quiet.turns)
    for handle in (endless, quiet):
        handle.end()
    assert difference <= 1
