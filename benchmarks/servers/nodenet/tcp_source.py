"""A source: writes chunks of so many bytes for as long as the client takes them."""

from __future__ import annotations

import sys

from benchmarks.servers.nodenet._announce import announce
from nodenet import net, run

CHUNK = bytes(int(sys.argv[1]))


def main() -> None:
    """Serve on a port of the system's choice and say which."""

    def connected(socket: net.Socket) -> None:
        def pump() -> None:
            while socket.write(CHUNK):
                pass

        socket.on("drain", pump)
        socket.on("error", lambda error: None)
        pump()

    server = net.createServer(connected)
    server.listen(0, "127.0.0.1", lambda: announce(server))


run(main)
