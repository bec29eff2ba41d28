"""Clients of a port that workers share, who are greeted by the worker who has got them."""

from __future__ import annotations

from typing import Any

from net_tools import happens
from twisted.internet.defer import Deferred

from nodenet import net


class Client:
    """Somebody who has connected, and is greeted by the worker who got him."""

    def __init__(self, *where: Any) -> None:
        self.socket = net.connect(*where).on("error", lambda _: None)
        self._greeted: Deferred[str] = Deferred()
        self.socket.on("data", self._data)
        self.socket.on("close", lambda _: self._data(b"closed"))

    def _data(self, data: bytes) -> None:
        if not self._greeted.called:
            self._greeted.callback(data.decode())

    async def greeting(self) -> str:
        return await self._greeted

    async def end(self) -> None:
        if not self.socket.destroyed:
            closed = happens(self.socket, "close")
            self.socket.destroy()
            await closed


async def greetings(*where: Any, count: int) -> list[str]:
    """Who greets clients that come one after the other, and go again."""
    greeted = []
    for _ in range(count):
        client = Client(*where)
        greeted.append(await client.greeting())
        await client.end()
    return greeted


async def connections(server: net.Server) -> int:
    counted: Deferred[int] = Deferred()
    server.getConnections(lambda error, count: counted.callback(count))
    return await counted
