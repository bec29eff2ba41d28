"""Sockets over the pipes of a process and over channels of SSH."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from foreign import LARGE, Own, heard, turns
from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred

from nodenet import events, net
from nodenet.net import NodeFactory


class TestPipes:
    async def test_a_process_is_spoken_to_over_its_pipes(self) -> None:
        made: Deferred[net.Socket] = Deferred()
        await endpoints.ProcessEndpoint(reactor, "/bin/cat", ["cat"]).connect(
            NodeFactory(made.callback)
        )
        socket = await made
        socket.end(LARGE)  # closes its stdin
        assert await heard(socket) == LARGE

    def test_a_process_speaks_over_its_own(self) -> None:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("over_stdio.py"))],
            check=False,
            input=LARGE,
            capture_output=True,
            timeout=60,
        )
        assert (done.stderr, done.returncode) == (b"", 0)
        assert done.stdout == LARGE


class TestChannelsOfSSH:
    """Sockets at both ends of a channel: on the channel itself, and on a session's process."""

    @pytest.fixture(autouse=True)
    def keys(self) -> None:
        pytest.importorskip("bcrypt", reason="Twisted's SSH needs bcrypt")

    async def joined(self, listener: Callable[[net.Socket], object]) -> tuple[Any, Any, Any]:
        """A port, and a client with its socket."""
        from ssh import Client, Server

        factory = NodeFactory(listener, allowHalfOpen=True)
        port: Any = await Own().listen(Server(lambda: factory.buildProtocol(None)))
        client: Any = await endpoints.connectProtocol(Own().client(port), Client())
        return port, client, net.Socket.fromTransport(await client.opened, allowHalfOpen=True)

    async def closed(self, port: Any, client: Any) -> None:
        client.transport.loseConnection()
        while port.connections:
            await turns(1)
        await port.stopListening()

    async def test_an_echo(self) -> None:
        port, client, socket = await self.joined(lambda peer: peer.pipe(peer))
        assert not socket.write(LARGE)
        received = 0
        async for chunk in socket:
            received += len(chunk)
            if received == len(LARGE):
                socket.end()
                break
        await self.closed(port, client)

    async def test_the_end_is_heard(self) -> None:
        ended: Deferred[net.Socket] = Deferred()
        port, client, socket = await self.joined(
            lambda peer: peer.resume().on("end", lambda: ended.callback(peer))
        )
        socket.end(b"bye")
        (await ended).end(b"you too")
        assert await heard(socket) == b"you too"
        await self.closed(port, client)

    @pytest.mark.parametrize("floods", ["server", "client"])
    async def test_who_does_not_read_is_sent_a_window_full(self, floods: str) -> None:
        made: Deferred[net.Socket] = Deferred()
        port, client, near = await self.joined(made.callback)
        far = await made
        sender, receiver = (far, near) if floods == "server" else (near, far)
        channel = await client.opened
        drained = events.once(sender, "drain")
        assert not sender.write(LARGE)
        while channel.localWindowLeft if floods == "server" else channel.remoteWindowLeft:
            await turns(1)
        await turns(20)
        assert receiver.bytesRead == 131_072
        assert not drained.called
        received = 0
        async for chunk in receiver:
            received += len(chunk)
            if received == len(LARGE):
                break
        await drained
        await self.closed(port, client)
