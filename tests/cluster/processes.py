"""Two processes that hand sockets to one another, both of which are this one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.cluster._channel import Channel
from nodenet.cluster._process import Process
from nodenet.events import once
from nodenet.loop import pollerOf

Client = Callable[..., Deferred[net.Socket]]
Server = Callable[..., Deferred[net.Server]]


def process(skt: socket.socket) -> Process:
    """A process at the other end of a channel over `skt`."""
    made = Process(lambda *_: False)
    made._attach(pollerOf(), Channel(pollerOf(), skt))
    return made


class Ends:
    """Both ends of a channel, as the processes have them."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.near, self.far = process(ours), process(theirs)

    async def carry(self, handle: Any, *options: Any) -> Any:
        """Send it, and return what has arrived."""
        arrived = once(self.far, "message")
        sent: Deferred[Any] = Deferred()
        send: Any = self.near.send
        send("take this", handle, *options, sent.callback)
        message, got = await arrived
        assert message == "take this"
        assert await sent is None
        return got

    async def close(self) -> None:
        ended = once(self.far, "disconnect")
        if self.near.connected:
            self.near.disconnect()
        await ended


async def connected(nodeServer: Server, nodeClient: Client, **options: Any) -> Any:
    """A server, a connection that it has accepted, and its client."""
    server = await nodeServer(None, **options)
    accepted = once(server, "connection")
    client = await nodeClient(server)
    (connection,) = await accepted
    return server, connection, client
