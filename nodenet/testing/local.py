"""Servers, clients and sockets on free ports of this machine, networks in memory, and their end.

Law: after `close` nothing that was opened here is open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from nodenet import dgram, events, net
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.loop import pollerOf
from nodenet.testing.network import Network


class Local:
    """Opens servers, clients, sockets and networks for one test.

    Args:
        reactor: The Twisted reactor; the global one when left out.
    """

    def __init__(self, reactor: Any = None) -> None:
        self._reactor = reactor
        self._servers: list[net.Server] = []
        self._sockets: list[net.Socket] = []
        self._datagram_sockets: list[dgram.Socket] = []
        self._networks: list[Network] = []

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

    def socket(
        self, listener: Callable[..., object] | None = None, **options: Any
    ) -> Deferred[dgram.Socket]:
        """Bind a UDP socket to a free port of ``127.0.0.1``, or of ``::1``.

        Args:
            listener: Called with each message and who has sent it.
            options: Options of `dgram.createSocket`; the type is ``'udp4'`` unless given.

        Returns:
            A Deferred of the socket, once it is bound.
        """
        options = {"type": "udp4", **options}
        socket = dgram.createSocket(options, listener, reactor=self._reactor)
        self._datagram_sockets.append(socket)
        socket.bind(0, "::1" if socket.type == "udp6" else "127.0.0.1")
        return events.once(socket, "listening").addCallback(lambda _: socket)

    def network(self, **conditions: Any) -> Network:
        """Make a UDP network in memory.

        Args:
            conditions: What a `Network` is made with.

        Returns:
            The network.
        """
        self._networks.append(Network(reactor=self._reactor, **conditions))
        return self._networks[-1]

    def reports(self) -> list[str]:
        """Return what became of the datagrams in the networks; see `Network.report`."""
        return [network.report() for network in self._networks]

    def close(self) -> Deferred[Any]:
        """Destroy and close everything.

        Returns:
            A Deferred that fires when all is closed.
        """
        servers, self._servers = self._servers, []
        for socket in self._sockets:
            socket.destroy()
        self._sockets.clear()
        for network in self._networks:
            network.close()
        opened: list[net.Server | dgram.Socket] = [*servers, *self._datagram_sockets]
        self._datagram_sockets.clear()
        return gatherResults([self._closed(one) for one in opened])

    def _closed(self, opened: net.Server | dgram.Socket) -> Deferred[None]:
        closed: Deferred[None] = Deferred()
        queue = pollerOf(self._reactor).queueMicrotask
        try:
            opened.close(lambda *_: queue(_fire, closed))
        except ERR_SOCKET_DGRAM_NOT_RUNNING:
            _fire(closed)  # the test has closed it, perhaps just now
        return closed


def _fire(closed: Deferred[None]) -> None:
    if not closed.called:
        closed.callback(None)
