"""A Twisted factory whose protocols are Node-style sockets.

Law: what the options say here is what they say to `Server`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from nodenet.events import EventEmitter
from nodenet.loop import pollerOf
from nodenet.net._arguments import seconds
from nodenet.net._foreign import StreamLink
from nodenet.net._kernel_options import kernelSettings
from nodenet.net._link import Link
from nodenet.net._options import ServerOptions
from nodenet.net.socket import Socket
from nodenet.options import resolve


class Refused(Protocol):
    """Closes. None in its place would not do for what wraps protocols, as TLS does."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        getattr(self.transport, "abortConnection", self.transport.loseConnection)()


class NodeFactory(Factory):
    """Runs a listener of Node's kind on the connections of any Twisted endpoint.

    >>> factory = NodeFactory(lambda socket: socket.pipe(socket), allowHalfOpen=True)

    Args:
        connectionListener: Called with the `Socket` of each connection.
        options: A mapping of `ServerOptions`; may be left out.
        reactor: The Twisted reactor; the global one when left out.
        keywords: Options by name; they win over those of `options`.

    Raises:
        ERR_INVALID_ARG_TYPE: An option has the wrong type.
    """

    noisy = False

    def __init__(
        self,
        connectionListener: Callable[[Socket], object],
        options: Mapping[str, Any] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        self._options = resolve(ServerOptions, options, keywords)
        self._kernel = kernelSettings(self._options) or None
        self._reactor = reactor
        # For what a listener may be: a coroutine function too, whose failure is not lost.
        self._emitter = EventEmitter()
        self._emitter.on("connection", connectionListener)

    def buildProtocol(self, addr: IAddress | None) -> StreamLink | Refused:
        """Make the protocol of a connection, as Twisted asks for it.

        Args:
            addr: The peer's address.

        Returns:
            The protocol; where `blockList` has the peer, one that closes the connection.
        """
        return Refused() if self._blocks(addr) else StreamLink(pollerOf(self._reactor), self._join)

    def _blocks(self, address: IAddress | None) -> bool:
        blocked = self._options["blockList"]
        if blocked is None or not isinstance(address, IPv4Address | IPv6Address):
            return False
        family = "ipv4" if isinstance(address, IPv4Address) else "ipv6"
        return bool(blocked.check(address.host, family))

    def _join(self, link: Link) -> None:
        options = self._options
        socket = Socket._accepted(
            link,
            pollerOf(self._reactor),
            None,
            options["allowHalfOpen"],
            options["highWaterMark"],
            options["pauseOnConnect"],
        )
        socket._no_delay = options["noDelay"]
        socket._keep_alive = options["keepAlive"]
        socket._keep_alive_delay = seconds(options["keepAliveInitialDelay"])
        socket._kernel = self._kernel
        if socket._tcp is not None:
            socket._tune(socket._tcp)
        self._emitter.emit("connection", socket)
