"""A line protocol: each line is answered, the answers to one chunk leave together."""

from __future__ import annotations

import asyncio
from typing import cast

from benchmarks.servers.asyncio import _serve


class Lines(asyncio.Protocol):
    """Answers each line with itself."""

    rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Split what has come and answer the whole lines."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.transport.writelines([line + b"\n" for line in lines])


_serve.tcp(Lines)
