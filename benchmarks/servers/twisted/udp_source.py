"""Sends datagrams: 64 for each that it receives."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from benchmarks.servers.twisted import _serve


class Source(DatagramProtocol):
    """Answers one datagram with many."""

    transport: IUDPTransport

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Send the burst."""
        for _ in range(64):
            self.transport.write(datagram, addr)


_serve.udp(Source())
