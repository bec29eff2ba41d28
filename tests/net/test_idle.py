"""When a socket is idle: time is a clock's, bytes are the kernel's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from net_tools import listening
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from nodenet import net
from nodenet.events import once
from nodenet.loop import pollerOf
from nodenet.testing import ClockedReactor

reactor: Any = pollerOf().reactor
SECOND = 1000  # milliseconds


class Stage:
    """A socket whose time-outs are counted, and its peer, which reads when it is told to."""

    def __init__(self) -> None:
        self.clock = ClockedReactor()
        self.timeouts = 0

    async def begin(self) -> None:
        accepted: Deferred[net.Socket] = Deferred()
        self.server = net.createServer(accepted.callback, reactor=self.clock)
        port = await listening(self.server)
        self.peer = net.createConnection(port, "127.0.0.1").pause()
        self.socket = await accepted
        self.socket.setTimeout(10 * SECOND)
        self.socket.on("timeout", self._timed_out)

    async def read(self, size: int) -> None:
        """Have the peer read at least so many bytes."""
        while size > 0:
            chunk = self.peer.read()
            if chunk is None:
                await once(self.peer, "readable")
            else:
                size -= len(chunk)
        for _ in range(20):
            await deferLater(reactor, 0)  # time for the socket to send more

    def end(self) -> None:
        for socket in (self.peer, self.socket):
            socket.on("error", lambda _: None)
            socket.destroy()
        self.server.close()

    def _timed_out(self) -> None:
        self.timeouts += 1


@pytest.fixture
def stage() -> Iterator[Stage]:
    staged = Stage()
    yield staged
    staged.end()


async def test_what_is_on_its_way_is_not_idle(stage: Stage) -> None:
    """As in Node: a peer that reads slowly keeps a long write going."""
    await stage.begin()
    stage.socket.write(bytes(64 << 20))
    for _ in range(4):
        stage.clock.advance(11)
        await stage.read(8 << 20)
    assert stage.timeouts == 0


async def test_a_write_that_is_stuck_is(stage: Stage) -> None:
    """As in Node after twice the time: at first it looks as if it was on its way."""
    await stage.begin()
    stage.socket.write(bytes(64 << 20))
    stage.clock.advance(19)
    assert stage.timeouts == 0
    stage.clock.advance(2)
    assert stage.timeouts == 1


async def test_what_has_left_is_idle_after_the_time(stage: Stage) -> None:
    await stage.begin()
    left: Deferred[None] = Deferred()
    stage.socket.write(bytes(8 << 20), lambda _: left.callback(None))
    stage.peer.resume()
    await left
    stage.clock.advance(9.9)
    assert stage.timeouts == 0
    stage.clock.advance(0.2)
    assert stage.timeouts == 1
