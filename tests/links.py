"""Pairs of joined stream links of every kind, and a sink that remembers what it was told."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from nodenet.interfaces import IStreamSink
from nodenet.loop import pollerOf
from nodenet.loop.direct import DirectPoller
from nodenet.loop.poller import Poller
from nodenet.testing._poller import MemoryPoller
from nodenet.testing.memory import Faults, MemorySocket
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport


@implementer(IStreamSink)
class Recorder:
    """Takes the bytes and events of one link; `until` waits for them."""

    def __init__(self, link: Any) -> None:
        self.link = link
        self.received = b""
        self.events: list[str] = []
        self.errors: list[OSError] = []
        self.onEvent: Callable[[str], object] | None = None
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []
        link.attach(self.deliver, self)

    def deliver(self, data: bytes) -> None:
        self.received += data
        self._told("data")

    def readEnded(self) -> None:
        self._event("readEnded")

    def flushed(self) -> None:
        self._event("flushed")

    def readFailed(self, error: OSError) -> None:
        self.errors.append(error)
        self._event(f"read {error.code}")  # type: ignore[attr-defined]  # one of ours

    def writeFailed(self, error: OSError) -> None:
        self.errors.append(error)
        self._event(f"write {error.code}")  # type: ignore[attr-defined]  # one of ours

    def reactorStopped(self) -> None:
        self._event("reactorStopped")

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """A Deferred that fires once `condition` holds; it is looked at after each event."""
        reached: Deferred[None] = Deferred()
        if condition():
            reached.callback(None)
        else:
            self._waiting.append((condition, reached))
        return reached

    def event(self, name: str) -> Deferred[None]:
        return self.until(lambda: name in self.events)

    def bytes(self, size: int) -> Deferred[None]:
        return self.until(lambda: len(self.received) >= size)

    def _event(self, name: str) -> None:
        self.events.append(name)
        self._told(name)

    def _told(self, name: str) -> None:
        if self.onEvent is not None:
            self.onEvent(name)
        for waiting in list(self._waiting):
            condition, reached = waiting
            if condition():
                self._waiting.remove(waiting)
                self.link.poller.queueMicrotask(reached.callback, None)


def tcpSockets() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection, with small buffers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        near.connect(server.getsockname())
        far, _ = server.accept()
    return near, far


def unixSockets() -> tuple[socket.socket, socket.socket]:
    """Two ends of a Unix connection, with small buffers."""
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return near, far


def tcp(poller: Poller) -> tuple[Any, Any]:
    near, far = tcpSockets()
    return TCPTransport(poller, near), TCPTransport(poller, far)


def unix(poller: Poller) -> tuple[Any, Any]:
    near, far = unixSockets()
    return UNIXTransport(poller, near), UNIXTransport(poller, far)


def memory(poller: Poller) -> tuple[Any, Any]:
    sockets: list[Any] = [MemorySocket(8192, 0, None, Faults()) for _ in range(2)]
    sockets[0].peer, sockets[1].peer = sockets[1], sockets[0]
    watching: Any = MemoryPoller(poller)
    return TCPTransport(watching, sockets[0]), TCPTransport(watching, sockets[1])


KINDS: dict[str, Callable[[Poller], tuple[Any, Any]]] = {
    "tcp": tcp,
    "unix": unix,
    "memory": memory,
}
POLLERS: dict[str, Callable[[], Poller]] = {
    "epoll": pollerOf,
    "direct": lambda: DirectPoller(pollerOf().reactor),
}


@contextmanager
def pairOf(kind: str, poller: str) -> Iterator[tuple[Recorder, Recorder]]:
    """Two joined links that read; closed in the end, and nothing of them stays."""
    watching = POLLERS[poller]()
    ends = KINDS[kind](watching)
    recorders = tuple(Recorder(end) for end in ends)
    for end in ends:
        end.startReading()
    yield recorders  # type: ignore[misc]  # there are two
    for end in ends:
        end.close()
    assert watching.openHandles() == []
