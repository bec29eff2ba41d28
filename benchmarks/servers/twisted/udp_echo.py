"""UDP echo: every datagram goes back to its sender."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from benchmarks.servers.twisted import _serve


class Echo(DatagramProtocol):
    """Writes what it receives."""

    transport: IUDPTransport

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Send the datagram back."""
        self.transport.write(datagram, addr)


_serve.udp(Echo())
