"""The ports of a worker's servers: one to which connections are dealt, one that accepts itself.

Law: a connection that a port has said it takes reaches its server.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import Any

from nodenet.cluster._lease import Lease
from nodenet.loop import Poller
from nodenet.transports.listening import ListeningDescriptor
from nodenet.transports.source import Listener


class OwnPort(ListeningDescriptor):
    """A descriptor of the primary's listening socket."""

    def __init__(
        self, poller: Poller, skt: socket.socket, listener: Listener, lease: Lease, path: str | None
    ) -> None:
        super().__init__(poller, skt, listener.accepted)
        self._lease = lease
        self._name = path

    def localAddress(self) -> Any:
        """The raw address, or the path as it was asked for."""
        return super().localAddress() if self._name is None else self._name

    def close(self) -> None:
        """Stop listening here; others go on."""
        super().close()
        self._lease.release()


class DealtPort:
    """The worker's end of a port whose connections the primary deals out.

    Args:
        poller: The worker's.
        listener: The server.
        lease: What is known of it to the primary.
        address: The raw address, or the path.
    """

    def __init__(self, poller: Poller, listener: Listener, lease: Lease, address: Any) -> None:
        self.reading = False
        self._poller = poller
        self._listener = listener
        self._lease = lease
        self._address = address
        self._referenced = True
        self._coming: deque[tuple[socket.socket, Any]] = deque()  # taken, but not handed over
        poller.reference()

    # -- as a server needs it ---------------------------------------------------------------

    def startReading(self) -> None:
        """Take connections."""
        if not self._lease.released:
            self.reading = True

    def stopReading(self) -> None:
        """Take none for a while: they go to others."""
        self.reading = False

    def ref(self) -> None:
        """Keep :func:`nodenet.run` going while this is open (the default)."""
        if not self._referenced and not self._lease.released:
            self._referenced = True
            self._poller.reference()

    def unref(self) -> None:
        """Let :func:`nodenet.run` end although this is open."""
        if self._referenced:
            self._referenced = False
            self._poller.unreference()

    def localAddress(self) -> Any:
        """The raw address, or the path as it was asked for."""
        return self._address

    def duplicate(self) -> None:
        """There is no descriptor here."""

    def close(self) -> None:
        """Take no more. Those that the primary holds go to others; those taken are the server's."""
        self.reading = False
        while self._coming:
            self._poller.ticks.call(self._listener.owner, self._hand_over)
        self.unref()
        self._lease.release()

    # -- from the primary -------------------------------------------------------------------

    def offered(self, skt: socket.socket, peer: Any) -> bool:
        """Whether this takes the connection; its server gets it when the primary has been told."""
        if not self.reading or self._listener.refuses(len(self._coming), self._lease.vacant):
            return False
        self._coming.append((skt, peer))
        self._poller.nextTick(self._poller.nextTick, self._hand_over)
        return True

    def _hand_over(self) -> None:
        if self._coming:  # or else the port was closed
            self._listener.accepted(*self._coming.popleft())

    def __repr__(self) -> str:
        state = "closed" if self._lease.released else f"dealt {self._address}"
        return f"<{type(self).__name__} {state}>"
