"""A program for `test_robust`: an echo and three refused datagrams on the reactor of its argument.

Law: it says what has happened, line by line, and ends by itself.
"""

from __future__ import annotations

import sys
from importlib import import_module

from twisted.internet.defer import Deferred

import_module(f"twisted.internet.{sys.argv[1]}reactor").install()

from nodenet import dgram, loop  # noqa: E402 - the reactor is chosen first


async def main() -> None:
    """What the program does."""
    server, client = dgram.createSocket("udp4"), dgram.createSocket("udp4")
    refused: Deferred[None] = Deferred()
    echoed: Deferred[None] = Deferred()
    errors, answers = [], []

    @client.on("error")
    def failed(error: OSError) -> None:
        print("refused" if isinstance(error, ConnectionRefusedError) else error)
        errors.append(error)
        if len(errors) < 3:
            client.send("anybody?")
        else:
            refused.callback(None)

    @client.on("message")
    def answer(msg: bytes, rinfo: dgram.RemoteInfo) -> None:
        answers.append(msg)
        if len(answers) == 100:
            echoed.callback(None)

    def start() -> None:
        port = server.address().port
        server.close()
        client.connect(port, "127.0.0.1", lambda: client.send("anybody?"))

    server.bind(0, "127.0.0.1", start)
    await refused
    client.disconnect()
    other = dgram.createSocket("udp4")
    other.on("message", lambda msg, rinfo: other.send(msg, rinfo.port, rinfo.address))

    def send() -> None:
        for index in range(100):
            client.send(str(index), other.address().port, "127.0.0.1")

    other.bind(0, "127.0.0.1", send)
    await echoed
    print("echoed", len(answers))
    other.close()
    client.close()


loop.run(main)
