"""What a service listens on: servers for streams, sockets for datagrams.

Law: one that was made is bound. It needs no running reactor for that, because twistd binds first
and gives up its privileges then. Only in a worker it is bound later: the primary has done that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from typing import Any, cast

from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.endpoints import StreamServerEndpoint, UDPServerEndpoint
from nodenet.services._counting import (
    countServer,
    countSocket,
    isBound,
    whereServer,
    whereSocket,
)
from nodenet.services._in_flight import inFlight
from nodenet.services._quiet import Figures
from nodenet.services.counters import Counters, Tally


class Listener(ABC):
    """One endpoint that a service listens on.

    Attributes:
        ready: Whether it is bound.
        tally: What is counted of it, once it is bound.
    """

    ready = True
    tally: Tally

    @abstractmethod
    def stop(self) -> Deferred[Any] | None:
        """Take nobody new; what is open stays open. The Deferred fires when the port is closed."""

    @abstractmethod
    def destroy(self) -> None:
        """Close everything at once."""

    @abstractmethod
    def figures(self) -> Mapping[Hashable, Figures]:
        """What is open, and what went through it."""

    @abstractmethod
    def finish(self, connection: Hashable) -> None:
        """Close one of those that `figures` names: it is quiet."""


class _Bound(Listener):
    """One that is bound now or later."""

    _news: Callable[[], object]

    @abstractmethod
    def _bound(self) -> None:
        """It is bound: note where."""

    def _bound_later(self) -> None:
        self._bound()
        self._news()


class StreamListener(_Bound):
    """A `net.Server` and its connections.

    Args:
        endpoint: where to listen.
        connection: called with this and the socket of each connection.
        failed: called with this and what the server emits as ``'error'``.
        news: called when it is bound, if that is later.
        counters: where it is counted.

    Raises:
        OSError: The system refused, in Node's words.
    """

    def __init__(
        self,
        endpoint: StreamServerEndpoint,
        connection: Callable[[StreamListener, net.Socket], object],
        failed: Callable[[Listener, Exception], object],
        news: Callable[[], object],
        counters: Counters,
    ) -> None:
        self._connection = connection
        self._news = news
        self._counters = counters
        self._open: dict[net.Socket, None] = {}
        self._where = str(endpoint)
        self._server = server = endpoint.serve(self._accepted)
        server.on("error", lambda error: failed(self, error))
        self.ready = server.listening
        if self.ready:
            self._bound()
        else:
            server.once("listening", self._bound_later)

    def stop(self) -> None:
        self._server.close()

    def destroy(self) -> None:
        if self._server.listening or not self.ready:
            self._server.close()
        self._abort_unfinished()
        for socket in list(self._open):
            socket.destroy()

    def figures(self) -> Mapping[Hashable, Figures]:
        return self._unfinished() | {socket: _figures(socket) for socket in self._open}

    def finish(self, connection: Hashable) -> None:
        cast(net.Socket, connection).destroySoon()

    def _bound(self) -> None:
        self._where = whereServer(self._server)
        self.tally = countServer(self._server, self._counters)
        self.ready = True

    def _unfinished(self) -> dict[Hashable, Figures]:
        """Hands are shaken: what is said then is still to come."""
        return dict.fromkeys(self._server.unfinished, Figures(0, 1))

    def _abort_unfinished(self) -> None:
        for abort in list(self._server.unfinished):
            abort()

    def _accepted(self, socket: net.Socket) -> None:
        self._open[socket] = None
        socket.on("close", lambda _: self._open.pop(socket, None))
        self._connection(self, socket)

    def __str__(self) -> str:
        return self._where


def _figures(socket: net.Socket) -> Figures:
    waiting = socket.readableLength + socket.writableLength
    return Figures(socket.bytesRead, waiting + inFlight(socket))


class DatagramListener(_Bound):
    """A bound `dgram.Socket`, which is its own and only connection.

    Args:
        endpoint: where to listen.
        message: called with this, the bytes and the sender of each datagram.
        failed: called with this and what the socket emits as ``'error'``.
        news: called when it is bound, if that is later.
        counters: where it is counted.

    Raises:
        OSError: The system refused, in Node's words.
    """

    def __init__(
        self,
        endpoint: UDPServerEndpoint,
        message: Callable[[DatagramListener, bytes, Any], object],
        failed: Callable[[Listener, Exception], object],
        news: Callable[[], object],
        counters: Counters,
    ) -> None:
        self._message = message
        self._news = news
        self._counters = counters
        self._open = True
        self._where = str(endpoint)
        self.socket = endpoint.serve(self._heard)
        self.socket.on("error", lambda error: failed(self, error))
        self.ready = isBound(self.socket)
        if self.ready:
            self._bound()
        else:
            self.socket.once("listening", self._bound_later)

    def send(self, data: bytes, port: int, address: str) -> None:
        """Send a datagram, and count it."""
        tally = self.tally
        tally.datagramsSent += 1
        tally.sentBytes += len(data)
        self.socket.send(data, port, address)

    def stop(self) -> None:
        """A datagram is nobody new: `finish` closes once it is quiet."""
        if not self.ready:
            self.destroy()

    def destroy(self) -> None:
        if self._open:
            self._open = False
            self.socket.close()

    def figures(self) -> Mapping[Hashable, Figures]:
        if not self._open or not self.ready:
            return {}
        received = self.tally.datagramsReceived
        return {self: Figures(received, self.socket.getSendQueueCount())}

    def finish(self, connection: Hashable) -> None:
        self.destroy()

    def _bound(self) -> None:
        self._where = whereSocket(self.socket)
        self.tally = countSocket(self.socket, self._counters)
        self.ready = True

    def _heard(self, data: bytes, peer: Any) -> None:
        tally = self.tally
        tally.datagramsReceived += 1
        tally.receivedBytes += len(data)
        self._message(self, data, peer)

    def __str__(self) -> str:
        return self._where
