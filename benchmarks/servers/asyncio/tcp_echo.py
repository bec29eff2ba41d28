"""TCP echo: every chunk goes back as it came."""

from __future__ import annotations

import asyncio
from typing import cast

from benchmarks.servers.asyncio import _serve


class Echo(asyncio.Protocol):
    """Writes what it receives."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Send the chunk back."""
        self.transport.write(data)


_serve.tcp(Echo)
