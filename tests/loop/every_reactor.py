"""One program for every reactor: ``python every_reactor.py NAME``; prints what it saw.

It echoes over nodenet while a timer and a plain Twisted connection of the same process are served.
"""

from __future__ import annotations

import sys
from typing import Any

from reactors import install  # type: ignore[import-not-found]  # it stands beside this

install(sys.argv[1])

from twisted.internet import protocol, reactor  # noqa: E402  # only after the installation
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol  # noqa: E402

import nodenet  # noqa: E402
from nodenet import net  # noqa: E402


class Shout(protocol.Protocol):
    """A plain Twisted protocol."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data.upper())


class Ask(protocol.Protocol):
    def connectionMade(self) -> None:
        self.transport.write(b"twisted")

    def dataReceived(self, data: bytes) -> None:
        print("twisted:", data.decode())
        self.transport.loseConnection()


def main() -> None:
    factory: Any = protocol.ServerFactory.forProtocol(Shout)
    port: Any = reactor.listenTCP(0, factory, interface="127.0.0.1")
    server = net.createServer(lambda socket: socket.pipe(socket))
    rounds = 2000

    def listening() -> None:
        client = net.connect(server.address().port, "127.0.0.1")
        left = rounds
        client.write(b"x" * 1000)

        @client.on("data")
        def again(data: bytes) -> None:
            nonlocal left
            left -= 1
            if left:
                client.write(data)
            else:
                client.end()

        @client.on("close")
        def closed(hadError: bool) -> None:
            print("closed:", hadError)
            server.close(lambda *_: print("server closed"))
            port.stopListening()

        reactor.callLater(0, lambda: print("timer before the end:", left > 0))
        connectProtocol(
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port), Ask()
        ).addCallback(lambda _: print("twisted connected before the end:", left > 0))

    server.listen(0, "127.0.0.1", listening)


if __name__ == "__main__":
    nodenet.run(main)
