"""A line protocol: each line is answered, the answers to one chunk leave together."""

from __future__ import annotations

from benchmarks.servers.nodenet._announce import announce
from nodenet import net, run


def main() -> None:
    """Serve on a port of the system's choice and say which."""

    def connected(socket: net.Socket) -> None:
        rest = b""

        def received(chunk: bytes) -> None:
            nonlocal rest
            *lines, rest = (rest + chunk).split(b"\n")
            socket.cork()
            for line in lines:
                socket.write(line + b"\n")
            socket.uncork()

        socket.on("data", received)
        socket.on("error", lambda error: None)

    server = net.createServer(connected)
    server.listen(0, "127.0.0.1", lambda: announce(server))


run(main)
