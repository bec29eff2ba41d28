"""UDP echo: every datagram goes back to its sender."""

from __future__ import annotations

from benchmarks.servers.nodenet._announce import announce
from nodenet import dgram, run


def main() -> None:
    """Serve on a port of the system's choice and say which."""
    socket = dgram.createSocket("udp4")
    socket.on("message", lambda msg, rinfo: socket.send(msg, rinfo.port, rinfo.address))
    socket.bind(0, "127.0.0.1", lambda: announce(socket))


run(main)
