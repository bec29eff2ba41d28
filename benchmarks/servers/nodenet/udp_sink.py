"""Receives datagrams; every 64th is answered, so that the sender knows how far this side is."""

from __future__ import annotations

from benchmarks.servers.nodenet._announce import announce
from nodenet import dgram, run


def main() -> None:
    """Serve on a port of the system's choice and say which."""
    socket = dgram.createSocket("udp4")
    total = 0

    def received(msg: bytes, rinfo: dgram.RemoteInfo) -> None:
        nonlocal total
        total += 1
        if total % 64 == 0:
            socket.send(msg, rinfo.port, rinfo.address)

    socket.on("message", received)
    socket.bind(0, "127.0.0.1", lambda: announce(socket))


run(main)
