"""A source: writes chunks of so many bytes for as long as the client takes them.

64 KiB each time round the loop: ``write`` sends at once, so a plain ``while not paused`` may never
return to the loop, and a client that reads fast enough would be the only one served.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from benchmarks.servers.asyncio import _serve

CHUNK = bytes(int(sys.argv[1]))
IN_A_ROW = max(1, 65_536 // len(CHUNK))


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
        """Write, and come back for more unless that was too much."""
        for _ in range(IN_A_ROW):
            self.transport.write(CHUNK)
            if self.paused:
                return
        self.loop.call_soon(self.pump_on)

    def pump_on(self) -> None:
        """Go on, unless the transport has become full in between."""
        if not self.paused:
            self.pump()


_serve.tcp(Source)
