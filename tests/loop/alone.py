"""One busy descriptor among idle ones: ``python alone.py NAME``; prints what it saw.

The busy one is connected over UDP: it is answered, refused, answered again, paused and closed.
"""

from __future__ import annotations

import socket
import sys

from reactors import install  # type: ignore[import-not-found]  # it stands beside this

install(sys.argv[1])

from twisted.internet import reactor  # noqa: E402  # only after the installation
from twisted.internet.defer import Deferred  # noqa: E402

import nodenet  # noqa: E402
from nodenet.loop import Handle, pollerOf  # noqa: E402

ROUNDS = 100


class Listener(Handle):
    """Tells whoever waits for it what it has read."""

    heard: Deferred[str]

    def doRead(self) -> None:
        try:
            heard = self._socket.recv(100).decode()
        except ConnectionRefusedError:
            heard = "refused"
        waiting, self.heard = self.heard, Deferred()
        waiting.callback(heard)

    def alone(self) -> bool:
        """Whether the reactor watches it by itself."""
        return repr(self) in map(repr, reactor.getReaders())


def bound(port: int = 0) -> socket.socket:
    skt = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    skt.bind(("127.0.0.1", port))
    return skt


async def scenario() -> None:
    idle, silent = socket.socketpair()
    quiet = Listener(pollerOf(), idle)
    quiet.heard = Deferred()
    quiet.startReading()
    peer, mine = bound(), bound()
    port = peer.getsockname()[1]
    mine.connect(peer.getsockname())
    busy = Listener(pollerOf(), mine)
    busy.heard = Deferred()
    busy.startReading()

    async def asked(text: str) -> str:
        heard = busy.heard
        peer.sendto(text.encode(), mine.getsockname())
        return await heard

    for _ in range(ROUNDS):
        await asked("ping")
    print("alone:", busy.alone())
    heard = quiet.heard
    silent.send(b"the other one")
    print(await heard)
    print("alone still:", busy.alone())

    peer.close()
    heard = busy.heard
    mine.send(b"is anybody there?")
    print(await heard)
    peer = bound(port)
    print(await asked("there again"))

    busy.stopReading()
    print("alone when paused:", busy.alone())
    busy.startReading()
    print(await asked("resumed"))
    for _ in range(ROUNDS):
        await asked("ping")
    print("alone again:", busy.alone())
    for skt in (peer, silent):
        skt.close()
    busy.closeDescriptor()
    quiet.closeDescriptor()


if __name__ == "__main__":
    nodenet.run(lambda: Deferred.fromCoroutine(scenario()))
