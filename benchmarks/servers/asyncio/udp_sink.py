"""Receives datagrams; every 64th is answered, so that the sender knows how far this side is."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from benchmarks.servers.asyncio import _serve


class Sink(asyncio.DatagramProtocol):
    """Counts datagrams."""

    received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Count the datagram."""
        self.received += 1
        if self.received % 64 == 0:
            self.transport.sendto(data, addr)


_serve.udp(Sink)
