"""A sink: counts what it receives."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol

from benchmarks.servers.twisted import _serve


class Sink(Protocol):
    """Counts bytes."""

    received = 0

    def dataReceived(self, data: bytes) -> None:
        """Count the chunk."""
        self.received += len(data)


_serve.tcp(Factory.forProtocol(Sink))
