"""TCP echo: every chunk goes back as it came."""

from __future__ import annotations

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol

from benchmarks.servers.twisted import _serve


class Echo(Protocol):
    """Writes what it receives."""

    transport: ITCPTransport

    def dataReceived(self, data: bytes) -> None:
        """Send the chunk back."""
        self.transport.write(data)


_serve.tcp(Factory.forProtocol(Echo))
