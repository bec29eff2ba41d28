"""A sink: counts what it receives."""

from __future__ import annotations

from benchmarks.servers.nodenet._announce import announce
from nodenet import net, run


def main() -> None:
    """Serve on a port of the system's choice and say which."""
    total = 0

    def received(chunk: bytes) -> None:
        nonlocal total
        total += len(chunk)

    def connected(socket: net.Socket) -> None:
        socket.on("data", received)
        socket.on("error", lambda error: None)

    server = net.createServer(connected)
    server.listen(0, "127.0.0.1", lambda: announce(server))


run(main)
