"""A relay on a stage: what it says in the log, who connects to it, and what stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from nodenet import net
from nodenet.events import once
from nodenet.loop import pollerOf
from nodenet.services import RelayService, SocketService

TCP = "tcp:0:interface=127.0.0.1"
UDP = "udp:0:interface=127.0.0.1"


@implementer(ILogObserver)
class Log:
    """What nodenet has said: events as they come, and the line about each connection."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self._waiting: list[tuple[str, Deferred[LogEvent]]] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_namespace") != "nodenet":
            return
        self.events.append(event)
        for waiting in list(self._waiting):
            if waiting[0] in str(formatEvent(event)):
                self._waiting.remove(waiting)
                waiting[1].callback(event)

    def says(self, text: str) -> Deferred[LogEvent]:
        """The first event with a text, whether it was said already or not."""
        said: Deferred[LogEvent] = Deferred()
        for event in self.events:
            if text in str(formatEvent(event)):
                said.callback(event)
                return said
        self._waiting.append((text, said))
        return said

    @property
    def lines(self) -> list[str]:
        """All lines."""
        return [str(formatEvent(event)) for event in self.events]

    @property
    def ends(self) -> list[LogEvent]:
        """The lines about connections that have ended."""
        return [event for event in self.events if "bytesIn" in event]


@contextmanager
def listening() -> Iterator[Log]:
    """Listen to the log."""
    log = Log()
    globalLogPublisher.addObserver(log)
    try:
        yield log
    finally:
        globalLogPublisher.removeObserver(log)


class Relays:
    """Starts relays and what they need, and stops all of it."""

    def __init__(self) -> None:
        self._services: list[RelayService] = []
        self._servers: list[net.Server] = []
        self._sockets: list[net.Socket] = []

    def start(self, listen: Any, connect: Any, **options: Any) -> RelayService:
        """A relay that has started."""
        listen = [listen] if isinstance(listen, str) else listen
        service = RelayService(listen, connect, **{"grace": 0.0, **options})
        service.startService()
        self._services.append(service)
        return service

    async def target(
        self, listener: Callable[[net.Socket], object], path: str | None = None
    ) -> str:
        """A server to relay to; returns how ``--connect`` says it."""
        server = net.createServer({"allowHalfOpen": True}, listener)
        server.prependListener("connection", self._keep)
        self._servers.append(server)
        if path is not None:
            server.listen(path)
        else:
            server.listen(0, "127.0.0.1")
        await once(server, "listening")
        if path is not None:
            return f"unix:{path}"
        return f"tcp:127.0.0.1:{server.address().port}"

    async def client(self, service: RelayService, index: int = 0, **options: Any) -> net.Socket:
        """Somebody who has connected to a relay."""
        socket = self._keep(net.Socket({"allowHalfOpen": True, **options}))
        socket.connect(where(service, index))
        await once(socket, "connect")
        return socket

    async def stop(self) -> None:
        """The end."""
        for socket in self._sockets:
            socket.destroy()
        for service in self._services:
            if service.running:
                await service.stopService()
        for server in self._servers:
            if server.listening:
                server.close()

    def _keep(self, socket: net.Socket) -> net.Socket:
        self._sockets.append(socket)
        socket.on("error", lambda _: None)
        return socket


def where(service: RelayService, index: int = 0) -> dict[str, Any]:
    """Where a relay listens, as options of `connect`."""
    kind, _, place = service.listening[index].partition(" ")
    if kind == "unix":
        return {"path": place}
    return {"host": "127.0.0.1", "port": port(service, index)}


def port(service: RelayService, index: int = 0) -> int:
    """The port on which a relay listens."""
    return int(service.listening[index].rpartition(":")[2])


def tally(service: SocketService, index: int = 0) -> dict[str, Any]:
    """What a relay has counted on a listener."""
    figures: dict[str, Any] = service.counters.export()["listeners"][service.listening[index]]
    return figures


async def everything(socket: net.Socket) -> bytes:
    """All that comes until the end; the other direction stays open."""
    chunks: list[bytes] = []
    socket.on("data", chunks.append)
    if not socket.readableEnded:
        await once(socket, "end")
    return b"".join(chunks)


async def outcome(socket: net.Socket) -> str:
    """How a socket closes if nothing more is sent: ``'end'``, or the code of its error."""
    closed: Deferred[None] = Deferred()
    socket.on("error", lambda _: None)
    socket.on("close", lambda _: closed.callback(None))
    if not socket.destroyed:
        socket.end()
        socket.resume()
        await closed
    error: Any = socket.errored
    return "end" if error is None else str(error.code)


@implementer(IStreamClientEndpoint)
class Held:
    """A client endpoint that connects only when it is let go.

    Args:
        endpoint: The one that really connects.
    """

    def __init__(self, endpoint: Any = None) -> None:
        self.cancelled = 0
        self.asked: Deferred[None] = Deferred()
        self._endpoint = endpoint
        self._outcome: Deferred[Any] = Deferred(lambda _: self._cancel())

    def connect(self, factory: Any) -> Deferred[Any]:
        """See `IStreamClientEndpoint`."""
        self._factory = factory
        self.asked.callback(None)
        return self._outcome

    def letGo(self) -> None:
        """Connect now."""
        self._endpoint.connect(self._factory).chainDeferred(self._outcome)

    def _cancel(self) -> None:
        self.cancelled += 1


def echo(socket: net.Socket) -> None:
    """Send back what comes: a target."""
    socket.pipe(socket)


async def turn() -> None:
    """Let the reactor do what is due."""
    await deferLater(pollerOf().reactor, 0)


async def pair(relays: Relays, **options: Any) -> tuple[RelayService, net.Socket, net.Socket]:
    """A relay, and both ends of a connection through it over which a byte went each way."""
    joined: Deferred[net.Socket] = Deferred()
    service = relays.start(TCP, await relays.target(joined.callback), **options)
    client = await relays.client(service)
    client.write("?")
    target = await joined
    await once(target, "data")
    target.write("!")
    await once(client, "data")
    return service, client, target
