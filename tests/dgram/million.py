"""A program for `test_million`: a million datagrams of random sizes go to an echo and back.

Law: each of the peers has its own datagrams back, unchanged and in order, or this fails; so much is
under way as fits what every Linux grants a socket, so none may be missing.
"""

from __future__ import annotations

import random
from collections import deque

from twisted.internet.defer import Deferred

from nodenet import dgram, events, run

PEERS = 8
EACH = 125_000
WINDOW = 16  # datagrams of a peer under way
LONGEST = 1_472  # bytes

_chance = random.Random("a million")
_bytes = _chance.randbytes(1 << 20)


class Peer:
    """One that sends, and compares what comes back."""

    def __init__(self, port: int) -> None:
        self.done: Deferred[None] = Deferred()
        self.socket = dgram.createSocket("udp4")
        self.socket.on("message", self._answered)
        self._port = port
        self._under_way: deque[bytes] = deque()
        self._left = EACH

    def send(self) -> None:
        """Send as much as may be under way."""
        while self._left and len(self._under_way) < WINDOW:
            self._left -= 1
            start = _chance.randrange(len(_bytes) - LONGEST)
            msg = _bytes[start : start + _chance.randint(0, LONGEST)]
            self._under_way.append(msg)
            self.socket.send(msg, self._port, "127.0.0.1")

    def _answered(self, msg: bytes, rinfo: dgram.RemoteInfo) -> None:
        if msg != self._under_way.popleft() and not self.done.called:
            self.done.errback(AssertionError("another datagram was to come"))
        self.send()
        if not self._under_way and not self.done.called:
            self.done.callback(None)


async def main() -> None:
    """What the program does."""
    server = dgram.createSocket("udp4", recvBufferSize=212_992)
    server.on("message", lambda msg, rinfo: server.send(msg, rinfo.port, rinfo.address))
    server.bind(0, "127.0.0.1")
    await events.once(server, "listening")
    peers = [Peer(server.address().port) for _ in range(PEERS)]
    for peer in peers:
        peer.send()
    for peer in peers:
        await peer.done
    assert server.getDroppedCount() == 0
    for socket in (server, *(peer.socket for peer in peers)):
        socket.close()


run(main)
