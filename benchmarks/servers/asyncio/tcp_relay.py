"""A relay: what a client says goes to the backend, what the backend says goes to the client."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from benchmarks.servers.asyncio import _serve

PORT = int(sys.argv[1])


class Side(asyncio.Protocol):
    """One side of the relay; it writes to the other's transport."""

    transport: asyncio.Transport
    other: Side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand the chunk to the other side."""
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        """This side is full: the other one reads no more."""
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """This side has room again."""
        self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other side too."""
        self.other.transport.close()


class Early(asyncio.Protocol):
    """The accepted side until the backend stands: keeps what comes too early, then hands over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Dial the backend."""
        self.transport = cast(asyncio.Transport, transport)
        self.chunks: list[bytes] = []
        self.dial = asyncio.get_running_loop().create_task(self.join())

    def data_received(self, data: bytes) -> None:
        """Keep the chunk."""
        self.chunks.append(data)

    async def join(self) -> None:
        """Put the two sides in place."""
        loop = asyncio.get_running_loop()
        _, backend = await loop.create_connection(Side, "127.0.0.1", PORT)
        client = Side()
        client.other, backend.other = backend, client
        client.connection_made(self.transport)
        self.transport.set_protocol(client)
        for chunk in self.chunks:
            client.data_received(chunk)


_serve.tcp(Early)
