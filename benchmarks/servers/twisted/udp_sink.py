"""Receives datagrams; every 64th is answered, so that the sender knows how far this side is."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from benchmarks.servers.twisted import _serve


class Sink(DatagramProtocol):
    """Counts datagrams."""

    transport: IUDPTransport
    received = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Count the datagram."""
        self.received += 1
        if self.received % 64 == 0:
            self.transport.write(datagram, addr)


_serve.udp(Sink())
