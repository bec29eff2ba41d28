"""How each of raw Twisted's programs listens: loopback, a free port, Node's backlog."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import react

BACKLOG = 511


def tcp(factory: IProtocolFactory) -> None:
    """Serve TCP until the process is killed; say the port.

    factory -- builds the protocol of each connection.
    """

    def main(reactor: Any) -> Deferred[None]:
        port = reactor.listenTCP(0, factory, backlog=BACKLOG, interface="127.0.0.1")
        print(port.getHost().port, flush=True)
        return Deferred()

    react(main)


def udp(protocol: DatagramProtocol) -> None:
    """Serve UDP until the process is killed; say the port.

    protocol -- receives the datagrams.
    """

    def main(reactor: Any) -> Deferred[None]:
        port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
        print(port.getHost().port, flush=True)
        return Deferred()

    react(main)
