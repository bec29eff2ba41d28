"""Connections on transports of Twisted's and of nodenet's, with TLS over them and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from certificates import clientOptions, serverOptions
from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.protocols.tls import TLSMemoryBIOFactory

from nodenet import net
from nodenet.endpoints import TCPClientEndpoint, TCPServerEndpoint
from nodenet.net import NodeFactory

LARGE = bytes(range(256)) * 8000
HUGE = LARGE * 8
"""More than the system's buffers take."""


class Stock:
    """Twisted's own endpoints and transports."""

    def server(self) -> Any:
        return endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")

    def client(self, port: Any) -> Any:
        return endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)

    async def listen(self, factory: Any) -> Any:
        return await self.server().listen(factory)

    async def connect(self, port: Any, factory: Any) -> Any:
        return await self.client(port).connect(factory)


class Own(Stock):
    """nodenet's."""

    def server(self) -> Any:
        return TCPServerEndpoint(port=0, host="127.0.0.1")

    def client(self, port: Any) -> Any:
        return TCPClientEndpoint(host="127.0.0.1", port=port.getHost().port)


class OverTLS(Stock):
    """TLS over `below`."""

    def __init__(self, below: Stock) -> None:
        self.below = below

    async def listen(self, factory: Any) -> Any:
        return await self.below.listen(TLSMemoryBIOFactory(serverOptions(), False, factory))

    async def connect(self, port: Any, factory: Any) -> Any:
        client = endpoints.wrapClientTLS(clientOptions(), self.below.client(port))
        return await client.connect(factory)


KINDS: dict[str, Stock] = {
    "nodenet's": Own(),
    "Twisted's": Stock(),
    "TLS over nodenet's": OverTLS(Own()),
    "TLS over Twisted's": OverTLS(Stock()),
}


async def heard(socket: net.Socket) -> bytes:
    """All that a socket receives until the end."""
    chunks: list[Any] = [chunk async for chunk in socket]
    return b"".join(chunks)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await deferLater(reactor, 0)


async def joined(kind: Stock, listener: Callable[[net.Socket], object], **options: Any) -> Any:
    """A port whose connections `listener` gets, and the socket of a client."""
    port = await kind.listen(NodeFactory(listener, **options))
    client: Deferred[net.Socket] = Deferred()
    await kind.connect(port, NodeFactory(client.callback))
    return port, await client
