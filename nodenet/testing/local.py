"""Servers and clients on free ports of this machine, and their end.

Law: after `close` nothing that was opened here is open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from nodenet import events, net
from nodenet.loop import pollerOf


class Local:
    """Opens servers and clients for one test.

    Args:
        reactor: The Twisted reactor; the global one when left out.
    """

    def __init__(self, reactor: Any = None) -> None:
        self._reactor = reactor
        self._servers: list[net.Server] = []
        self._sockets: list[net.Socket] = []

    def server(
        self, connectionListener: Callable[[net.Socket], object] | None = None, **options: Any
    ) -> Deferred[net.Server]:
        """Start a server on a free port of ``127.0.0.1``.

        Args:
            connectionListener: Called with each connection.
            options: Options of `net.Server`.

        Returns:
            A Deferred of the server, once it listens.
        """
        server = net.Server(options, connectionListener, reactor=self._reactor)
        self._servers.append(server)
        server.prependListener("connection", self._sockets.append)
        server.listen(0, "127.0.0.1")
        return events.once(server, "listening").addCallback(lambda _: server)

    def client(self, server: net.Server, **options: Any) -> Deferred[net.Socket]:
        """Connect to `server`.

        Args:
            server: One that listens.
            options: Options of `net.createConnection`.

        Returns:
            A Deferred of the socket, once it is connected.
        """
        where = server.address()
        at = {"path": where} if isinstance(where, str) else {"port": where.port}  # type: ignore[union-attr]  # it listens
        options = {"host": "127.0.0.1", **at, **options}
        socket = net.createConnection(options, reactor=self._reactor)
        self._sockets.append(socket)
        return events.once(socket, "connect").addCallback(lambda _: socket)

    def close(self) -> Deferred[Any]:
        """Destroy and close everything.

        Returns:
            A Deferred that fires when all is closed.
        """
        servers, self._servers = self._servers, []
        for socket in self._sockets:
            socket.destroy()
        self._sockets.clear()
        return gatherResults([self._closed(server) for server in servers])

    def _closed(self, server: net.Server) -> Deferred[None]:
        closed: Deferred[None] = Deferred()
        queue = pollerOf(self._reactor).queueMicrotask
        server.close(lambda *_: queue(closed.callback, None))
        return closed
