"""A primary's handles and workers of it, all in this process, each with a channel of its own.

Law: who binds inside ``with worker`` asks that worker's source; everything else of a worker is as
in a process of its own.
"""

from __future__ import annotations

import os
import socket
from types import TracebackType
from typing import Any, Self

from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.cluster._channel import Channel
from nodenet.cluster._handles import Handles
from nodenet.cluster._source import PrimarySource
from nodenet.events import once
from nodenet.loop import pollerOf
from nodenet.transports.source import setSource


class Primary:
    """The primary's side.

    Args:
        deals: Whether it deals connections out.
    """

    def __init__(self, deals: bool = True) -> None:
        self.handles = Handles(pollerOf(), lambda: deals)
        self.workers: list[Worker] = []

    def worker(self) -> Worker:
        """Start another worker."""
        worker = Worker(self, len(self.workers) + 1)
        self.workers.append(worker)
        return worker

    async def end(self) -> None:
        """Close all that the workers have, and then their channels."""
        for worker in self.workers:
            await worker.end()


class Worker:
    """A worker, and the primary's end of its channel.

    Attributes:
        announced: What the primary has heard of `'listening'`.
    """

    def __init__(self, primary: Primary, number: int) -> None:
        poller = pollerOf()
        ours, theirs = socket.socketpair()
        self.id = number
        self.announced: list[dict[str, Any]] = []
        self.channel = Channel(poller, theirs)
        self.source = PrimarySource(poller, self.channel)
        self.servers: list[net.Server] = []
        self._ends: list[Deferred[None]] = [Deferred(), Deferred()]
        self._primarys = Channel(poller, ours)
        self._primarys.closed = lambda error: self._forgotten(primary)
        self._primarys.hear("listening", lambda note, _: self.announced.append(note))
        self.channel.closed = lambda error: self._ends[1].callback(None)
        primary.handles.attach(self._primarys)

    def _forgotten(self, primary: Primary) -> None:
        primary.handles.forget(self._primarys)
        self._ends[0].callback(None)

    def __enter__(self) -> Self:
        setSource(pollerOf(), self.source)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        setSource(pollerOf(), None)

    async def server(self, *where: Any, **options: Any) -> net.Server:
        """A server of this worker that listens, and sends each connection the worker's number.

        Raises:
            OSError: What it emits as ``'error'``.
        """

        def greet(connection: net.Socket) -> None:
            connection.on("error", lambda _: None)
            connection.write(str(self.id).encode())
            connection.resume()

        server = net.createServer(options, greet)
        await self.listens(server, *(where or (0, "127.0.0.1")))
        self.servers.append(server)
        return server

    async def listens(self, server: Any, *where: Any) -> None:
        """Have `server` listen here: with ``bind``, if it is a datagram socket."""
        with self:
            listening = once(server, "listening")
            (server.listen if isinstance(server, net.Server) else server.bind)(*where)
            await listening

    async def die(self) -> None:
        """The worker's process is gone: the kernel closes its end."""
        with socket.socket(fileno=os.dup(self.channel.fileno())) as skt:
            skt.shutdown(socket.SHUT_RDWR)
        for end in self._ends:
            await end
        for server in self.servers:
            if server.listening:
                server.close()

    async def end(self) -> None:
        """Close what it has, and then the channel."""
        if self.channel.connected:
            await self.source.close()
            self.channel.close()
        for end in self._ends:
            await end
