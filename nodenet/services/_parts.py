"""What a program gave back, as a service sees it: something that is open and can be closed.

Law: a part takes nothing from the program: it listens beside it, and closes when it is asked to.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort

from nodenet import dgram, net
from nodenet.endpoints.stream import EndpointServer
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.services._counting import countMessages, countServer, whereServer, whereSocket
from nodenet.services._program import ProgramError
from nodenet.services.counters import Counters


class Part(ABC):
    """One thing that a program gave back."""

    ready = True
    """Whether it serves."""

    listening: str | None = None
    """Where it listens, if it tells."""

    keeps = False
    """Whether it keeps the program going, beside what nodenet knows to be open."""

    def start(self) -> None:  # noqa: B027 - most have nothing to do
        """The service starts: privileges are given up."""

    @abstractmethod
    def close(self) -> Deferred[Any]:
        """Close it; the Deferred fires when what is open has finished."""

    def cutOff(self) -> int:
        """Close what is open still; returns how much that was."""
        return 0


class ServerPart(Part):
    """A `net.Server`.

    Args:
        server: It may listen already, or later.
        counters: Where it is counted once it listens.
        news: Called when it listens, and with the error when it cannot and nobody else knows.
    """

    ready = False

    def __init__(self, server: net.Server, counters: Counters, news: Callable[..., object]) -> None:
        self._server = server
        self._counters = counters
        self._news = news
        self._open: dict[net.Socket, None] = {}
        server.on("connection", self._connected)
        if server.listening:
            self._listens()
        else:
            server.prependListener("error", self._failed)
            server.once("listening", self._listens)

    def close(self) -> Deferred[Any]:
        closed: Deferred[None] = Deferred()
        self._server.close(lambda *_: closed.callback(None))
        return closed

    def cutOff(self) -> int:
        unfinished = self._server.unfinished if isinstance(self._server, EndpointServer) else {}
        count = len(self._open) + len(unfinished)
        for abort in list(unfinished):
            abort()
        for socket in list(self._open):
            socket.destroy()
        return count

    def _listens(self) -> None:
        self._server.off("error", self._failed)
        countServer(self._server, self._counters)
        self.listening = whereServer(self._server)
        self.ready = True
        self._news()

    def _failed(self, error: Exception) -> None:
        if self._server.listenerCount("error") == 1:  # else the program sees to it
            self._news(error)

    def _connected(self, socket: net.Socket) -> None:
        self._open[socket] = None
        socket.on("close", lambda _: self._open.pop(socket, None))


class DatagramPart(Part):
    """A `dgram.Socket`. As `ServerPart`."""

    ready = False

    def __init__(
        self, socket: dgram.Socket, counters: Counters, news: Callable[..., object]
    ) -> None:
        self._socket = socket
        self._counters = counters
        self._news = news
        try:
            socket.address()
        except ERR_SOCKET_DGRAM_NOT_RUNNING:
            pass
        except OSError:  # not bound yet
            socket.prependListener("error", self._failed)
            socket.once("listening", self._listens)
        else:
            self._listens()

    def close(self) -> Deferred[Any]:
        closed: Deferred[None] = Deferred()
        try:
            self._socket.close(lambda: closed.callback(None))
        except ERR_SOCKET_DGRAM_NOT_RUNNING:
            closed.callback(None)
        return closed

    def _listens(self) -> None:
        self._socket.off("error", self._failed)
        countMessages(self._socket, self._counters)
        self.listening = whereSocket(self._socket)
        self.ready = True
        self._news()

    def _failed(self, error: Exception) -> None:
        if self._socket.listenerCount("error") == 1:
            self._news(error)


class ServicePart(Part):
    """A service of Twisted's."""

    keeps = True

    def __init__(self, service: Any) -> None:
        self._service = service
        service.privilegedStartService()

    def start(self) -> None:
        self._service.startService()

    def close(self) -> Deferred[Any]:
        return maybeDeferred(self._service.stopService)


class ClosablePart(Part):
    """Anything that can be closed.

    Args:
        close: Takes a callback, or returns what tells that it is done.
    """

    keeps = True

    def __init__(self, close: Callable[..., Any]) -> None:
        self._close = close
        self._tells = _takes_callback(close)

    def close(self) -> Deferred[Any]:
        if not self._tells:
            return maybeDeferred(self._close)
        closed: Deferred[None] = Deferred()

        def tell(*_: object) -> None:
            if not closed.called:
                closed.callback(None)

        self._close(tell)
        return closed


def _takes_callback(close: Callable[..., Any]) -> bool:
    """Whether the first argument may be one: it has to be given, or is None by default."""
    try:
        signature = inspect.signature(close)
        given = signature.bind(print)
    except (TypeError, ValueError):
        return False
    (name,) = given.arguments
    return signature.parameters[name].default in (inspect.Parameter.empty, None)


def partOf(given: Any, counters: Counters, news: Callable[..., object]) -> Part:
    """What a service makes of one thing that a program gave back.

    Raises:
        ProgramError: It cannot be closed.
    """
    if isinstance(given, net.Server):
        return ServerPart(given, counters, news)
    if isinstance(given, dgram.Socket):
        return DatagramPart(given, counters, news)
    if IService.providedBy(given):
        return ServicePart(given)
    if IListeningPort.providedBy(given):
        return ClosablePart(given.stopListening)
    if isinstance(given, Generator):
        raise ProgramError(f"gave back {given!r}, which nobody runs: it has a yield, and no await")
    if callable(getattr(given, "close", None)) and not isinstance(given, type):
        return ClosablePart(given.close)
    raise ProgramError(f"gave back {given!r}: no server, no service, nothing else with a close()")
