"""Out of descriptors: ``python exhausted.py REACTOR``; prints what it saw. Run by a test."""

from __future__ import annotations

import resource
import socket
import sys
from importlib import import_module
from typing import Any

import_module(f"twisted.internet.{sys.argv[1]}reactor").install()

from twisted.internet import reactor  # noqa: E402  # only after the installation
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher  # noqa: E402
from zope.interface import provider  # noqa: E402

from nodenet.loop import pollerOf  # noqa: E402
from nodenet.transports import tcp  # noqa: E402
from nodenet.transports.listening import ListeningDescriptor  # noqa: E402

CLIENTS = 30
PAUSED = 0.5  # seconds

accepted: list[socket.socket] = []
turns: list[None] = []


@provider(ILogObserver)
def tell(event: Any) -> None:
    if event["log_namespace"] == "nodenet":
        text = formatEvent(event)
        for part in ("cannot accept connections", "accepts connections again"):
            if part in text:
                tail = text[text.index(part) :].partition(";")[0]
                print(f"{event['log_level'].name}: {tail}")


def took(skt: socket.socket, peer: Any) -> None:
    accepted.append(skt)
    if len(accepted) == CLIENTS:
        print("all served:", True)
        port.close()
        reactor.stop()


def more() -> None:
    print("rounds of the reactor while paused are few:", len(turns) < 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def watched(iterate: Any) -> Any:
    def counting(*args: Any) -> Any:
        turns.append(None)
        return iterate(*args)

    return counting


globalLogPublisher.addObserver(tell)
skt = tcp.listen(("127.0.0.1", 0), 128, ipv6Only=False, reusePort=False)
port = ListeningDescriptor(pollerOf(reactor), skt, took)
port.startReading()
clients = [socket.create_connection(skt.getsockname()) for _ in range(CLIENTS)]
limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(c.fileno() for c in clients) + 10, hard))
reactor.doIteration = watched(reactor.doIteration)  # type: ignore[attr-defined]
reactor.callLater(PAUSED, more)
reactor.run()
for one in accepted + clients:
    one.close()
