"""A source: writes for as long as the client takes it, a chunk each time round the loop.

``write`` sends at once, so a plain ``while not paused`` may never return to the loop: a client that
reads fast enough would be the only one served.
"""

from __future__ import annotations

import asyncio
from typing import cast

from benchmarks.servers.asyncio import _serve

CHUNK = b"x" * 65536


class Source(asyncio.Protocol):
    """Writes chunks until the transport says stop."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to write."""
        self.transport = cast(asyncio.Transport, transport)
        self.loop = asyncio.get_running_loop()
        self.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Write no more."""
        self.paused = True

    def resume_writing(self) -> None:
        """The transport has room."""
        self.paused = False
        self.pump()

    def pause_writing(self) -> None:
        """The transport is full."""
        self.paused = True

    def pump(self) -> None:
        """Write a chunk, and come back for the next unless that was too much."""
        self.transport.write(CHUNK)
        if not self.paused:
            self.loop.call_soon(self.pump_on)

    def pump_on(self) -> None:
        """Go on, unless the transport has become full in between."""
        if not self.paused:
            self.pump()


_serve.tcp(Source)
