"""Sends datagrams: 64 for each that it receives."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from benchmarks.servers.asyncio import _serve


class Source(asyncio.DatagramProtocol):
    """Answers one datagram with many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Send the burst."""
        for _ in range(64):
            self.transport.sendto(data, addr)


_serve.udp(Source)
