"""A relay: what a client says goes to the backend, what the backend says goes to the client."""

from __future__ import annotations

import sys

from benchmarks.servers.nodenet._announce import announce
from nodenet import net, run


def main(backend_port: int) -> None:
    """Serve on a port of the system's choice and say which."""

    def connected(client: net.Socket) -> None:
        backend = net.connect(backend_port, "127.0.0.1")
        client.pipe(backend)
        backend.pipe(client)
        client.on("error", lambda error: backend.destroy())
        backend.on("error", lambda error: client.destroy())

    server = net.createServer(connected)
    server.listen(0, "127.0.0.1", lambda: announce(server))


run(main, int(sys.argv[1]))
