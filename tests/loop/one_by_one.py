"""Each handle given to the reactor by itself: ``python one_by_one.py NAME``; prints what it saw.

A connected UDP socket is refused and then answered; poll and epoll report the first as an error.
"""

from __future__ import annotations

import socket
import sys
from importlib import import_module

import_module(f"twisted.internet.{sys.argv[1]}reactor").install()

from twisted.internet import reactor  # noqa: E402  # only after the installation

import nodenet  # noqa: E402
from nodenet.loop import Handle, Poller, pollerOf, registry  # noqa: E402
from nodenet.loop.direct import DirectPoller  # noqa: E402

registry.newPoller = DirectPoller


class Refused(Handle):
    """Prints what it reads; ends with the first datagram."""

    def __init__(self, poller: Poller, skt: socket.socket) -> None:
        super().__init__(poller, skt)
        self.peer = skt.getpeername()
        self.startReading()
        skt.send(b"is anybody there?")

    def doRead(self) -> None:
        try:
            print(self._socket.recv(100).decode())
        except ConnectionRefusedError:
            print("refused")
            reactor.callLater(0, self.answer)
        else:
            self.closeDescriptor()

    def answer(self) -> None:
        with bound(self.peer) as peer:
            peer.sendto(b"I am", self._socket.getsockname())


def bound(address: tuple[str, int]) -> socket.socket:
    skt = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    skt.bind(address)
    return skt


def main() -> None:
    skt = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with bound(("127.0.0.1", 0)) as nobody:
        skt.connect(nobody.getsockname())
    Refused(pollerOf(), skt)


if __name__ == "__main__":
    nodenet.run(main)
