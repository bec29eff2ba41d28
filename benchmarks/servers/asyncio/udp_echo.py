"""UDP echo: every datagram goes back to its sender."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from benchmarks.servers.asyncio import _serve


class Echo(asyncio.DatagramProtocol):
    """Writes what it receives."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Send the datagram back."""
        self.transport.sendto(data, addr)


_serve.udp(Echo)
