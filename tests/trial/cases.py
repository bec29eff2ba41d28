"""Tests for `test_janitor` to run: trial itself does not collect them from here."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from nodenet import events, net


class Tidy(TestCase):
    async def test_it(self) -> None:
        """An echo, and everything is closed."""
        server = net.createServer(lambda socket: socket.pipe(socket))
        server.listen(0, "127.0.0.1")
        await events.once(server, "listening")
        client = net.createConnection(server.address().port, "127.0.0.1")
        client.end(b"hello")
        self.assertEqual([chunk async for chunk in client], [b"hello"])
        server.close()
        await events.once(server, "close")


class Leaking(TestCase):
    async def test_it(self) -> None:
        """A server that nobody closes."""
        await events.once(net.createServer().listen(0, "127.0.0.1"), "listening")


class Careless(TestCase):
    async def test_it(self) -> None:
        """A listener that raises."""
        server = net.createServer().listen(0, "127.0.0.1")
        await events.once(server, "listening")
        closed = events.once(server, "close")
        server.on("close", lambda: 1 / 0)
        server.close()
        await closed
