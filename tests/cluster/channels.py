"""Both ends of a channel in one process, and what is sent over a bare socket."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred

from nodenet.cluster._channel import Channel
from nodenet.loop import pollerOf


class End:
    """One end, which notes what it is told."""

    def __init__(self, skt: socket.socket) -> None:
        self.channel = Channel(pollerOf(), skt)
        self.messages: list[Any] = []
        self.handles: list[socket.socket] = []
        self.ended: Deferred[BaseException | None] = Deferred()
        self._waits: tuple[int, Deferred[None]] | None = None
        self.channel.message = self.take
        self.channel.closed = self.ended.callback

    def take(self, message: Any, handle: socket.socket | None) -> None:
        self.messages.append(message)
        if handle is not None:
            self.handles.append(handle)
        if self._waits is not None and len(self.messages) >= self._waits[0]:
            _, waits = self._waits
            self._waits = None
            waits.callback(None)

    async def has(self, count: int) -> list[Any]:
        if len(self.messages) < count:
            arrived: Deferred[None] = Deferred()
            self._waits = count, arrived
            await arrived
        return self.messages

    async def end(self) -> BaseException | None:
        for handle in self.handles:
            handle.close()
        self.channel.close()
        return await self.ended


@contextmanager
def raw() -> Iterator[tuple[End, socket.socket]]:
    """An end, and the bare socket at the other side."""
    ours, theirs = socket.socketpair()
    with theirs:
        yield End(ours), theirs


def ends() -> tuple[End, End]:
    """Two ends that are joined."""
    ours, theirs = socket.socketpair()
    return End(ours), End(theirs)


def framed(content: object) -> bytes:
    """A frame, as it goes over the socket."""
    data = json.dumps(content).encode()
    return struct.pack("!I", len(data)) + data
