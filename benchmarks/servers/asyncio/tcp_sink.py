"""A sink: counts what it receives."""

from __future__ import annotations

import asyncio

from benchmarks.servers.asyncio import _serve


class Sink(asyncio.Protocol):
    """Counts bytes."""

    received = 0

    def data_received(self, data: bytes) -> None:
        """Count the chunk."""
        self.received += len(data)


_serve.tcp(Sink)
