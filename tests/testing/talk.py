"""Two hosts of a network in memory that talk."""

from __future__ import annotations

from typing import Any

from nodenet.loop import openHandles
from nodenet.testing import Network

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
A6, B6 = "2001:db8::1", "2001:db8::2"


class Talk:
    """A socket of B's that speaks to one of A's on port 53, and what both hear."""

    def __init__(self, type: str = "udp4", **conditions: Any) -> None:
        self.network = network = Network(**conditions)
        self.heard: list[bytes] = []
        self.errors: list[str] = []
        self.host, self.other = network.host(A, A6), network.host(B, B6)
        self.receiver = self.host.createSocket(type)
        self.receiver.on("message", lambda msg, rinfo: self.heard.append(msg))
        self.receiver.bind(53)
        self.sender = self.other.createSocket(type)
        self.sender.on("error", lambda error: self.errors.append(str(error)))
        self.sender.bind(0)
        self.to = A if type == "udp4" else A6
        network.clock.advance(0)

    def say(self, count: int, size: int = 0) -> list[bytes]:
        """Send so many datagrams, and let a minute pass."""
        said = [(b"%d" % index).ljust(size, b".") for index in range(count)]
        for index, msg in enumerate(said):
            self.sender.send(msg, 53, self.to)
            if index % 100 == 99:
                self.network.clock.advance(0.001)  # so that no receive buffer is ever full
        self.network.clock.advance(60)
        return said

    def close(self) -> None:
        self.network.close()
        self.network.clock.advance(0)
        assert openHandles() == []


def talk(**conditions: Any) -> Talk:
    """A talk that takes some time, and under these conditions."""
    return Talk(**{"delay": 0.01, **conditions})
