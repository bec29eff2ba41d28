"""TCP echo with backpressure."""

from __future__ import annotations

import asyncio
from typing import cast

from benchmarks.servers.asyncio import _serve


class Pipe(asyncio.Protocol):
    """Writes what it receives, and reads no more than it can write."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Send the chunk back."""
        self.transport.write(data)

    def pause_writing(self) -> None:
        """The write buffer is full."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The write buffer has room."""
        self.transport.resume_reading()


_serve.tcp(Pipe)
