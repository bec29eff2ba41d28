"""What tests of `nodenet.net` need again and again."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.events import once


def happens(emitter: Any, event: str) -> Deferred[tuple[Any, ...]]:
    """Wait for an event, whatever ``'error'`` says in the meantime (`once` would fail)."""
    happened: Deferred[tuple[Any, ...]] = Deferred()
    emitter.once(event, lambda *args: happened.callback(args))
    return happened


async def failure(socket: net.Socket) -> BaseException:
    """What `socket` fails with; it is closed then."""
    errors: list[BaseException] = []
    socket.on("error", errors.append)
    await happens(socket, "close")
    (error,) = errors
    return error


async def listening(server: net.Server, *where: Any) -> int:
    """Have `server` listen, on a free loopback port unless `where` says otherwise."""
    server.listen(*(where or (0, "127.0.0.1")))
    await once(server, "listening")
    return portOf(server)


def portOf(server: net.Server) -> int:
    """The port on which `server` listens; 0 at a Unix path."""
    where = server.address()
    return where.port if isinstance(where, net.AddressInfo) else 0
