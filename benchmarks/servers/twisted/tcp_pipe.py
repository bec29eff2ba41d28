"""TCP echo with backpressure: the transport is its own producer."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Server

from benchmarks.servers.twisted import _serve


class Pipe(Protocol):
    """Writes what it receives, and reads no more than it can write."""

    transport: Server

    def connectionMade(self) -> None:
        """Let a full write buffer pause the reading."""
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        """Send the chunk back."""
        self.transport.write(data)


_serve.tcp(Factory.forProtocol(Pipe))
