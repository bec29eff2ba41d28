"""Conch, Twisted's SSH, on nodenet's transports."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater

from nodenet.endpoints import TCPClientEndpoint, TCPServerEndpoint

pytest.importorskip("bcrypt", reason="Twisted's SSH needs bcrypt")

from ssh import Channel, Client, Server


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Hearing(Channel):
    heard = b""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data


async def test_a_channel_of_ssh_carries_bytes_both_ways() -> None:
    port: Any = await TCPServerEndpoint(port=0, host="127.0.0.1").listen(Server(Echo))
    endpoint = TCPClientEndpoint(host="127.0.0.1", port=port.getHost().port)
    client = await connectProtocol(endpoint, Client(lambda conn: Hearing(conn=conn)))
    channel = await client.opened
    payload = bytes(range(256)) * 2000
    channel.write(payload)
    while len(channel.heard) < len(payload):
        await deferLater(reactor, 0)
    assert channel.heard == payload
    client.transport.loseConnection()
    while port.connections:
        await deferLater(reactor, 0)
    await port.stopListening()
