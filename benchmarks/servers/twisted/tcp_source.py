"""A source: writes chunks of so many bytes for as long as the client takes them."""

from __future__ import annotations

import sys

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Server
from zope.interface import implementer

from benchmarks.servers.twisted import _serve

CHUNK = bytes(int(sys.argv[1]))


@implementer(IPushProducer)
class Source(Protocol):
    """Produces chunks until the transport says stop."""

    transport: Server
    paused = False

    def connectionMade(self) -> None:
        """Begin to write."""
        self.transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """The transport has room."""
        self.paused = False
        while not self.paused:
            self.transport.write(CHUNK)

    def pauseProducing(self) -> None:
        """The transport is full."""
        self.paused = True

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.paused = True


_serve.tcp(Factory.forProtocol(Source))
