"""A line protocol: each line is answered; the transport sends the answers together."""

from __future__ import annotations

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol

from benchmarks.servers.twisted import _serve


class Lines(Protocol):
    """Answers each line with itself."""

    transport: ITCPTransport
    rest = b""

    def dataReceived(self, data: bytes) -> None:
        """Split what has come and answer the whole lines."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.transport.write(line + b"\n")


_serve.tcp(Factory.forProtocol(Lines))
