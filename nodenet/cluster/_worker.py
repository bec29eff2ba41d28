"""A worker, as the primary and as the worker itself see it.

Law: what a worker's process emits, the worker emits first.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Self

from nodenet.cluster._process import Process
from nodenet.events import Event, EventEmitter


class ListeningAddress(NamedTuple):
    """Where a worker listens (Node: ``'listening'`` of a worker).

    Attributes:
        addressType: 4 or 6 for TCP, -1 for a path, ``'udp4'`` or ``'udp6'``.
        address: The address or the path; ``None``: all addresses.
        port: The port; -1 for a path.
        fd: -1 for datagram sockets, as in Node.
    """

    addressType: int | str | None
    address: str | None
    port: int | None
    fd: int | None = None


class Worker(EventEmitter):
    """A worker (Node: Cluster, class Worker)."""

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("online", (), "It runs. In the primary only."),
        Event("listening", ("address: ListeningAddress",), "It listens. In the primary only."),
        Event("message", ("message", "handle"), "It has sent this, or was sent this."),
        Event("disconnect", (), "The channel between it and the primary is closed."),
        Event("exit", ("code: int | None", "signal: str | None"), "It has ended. In the primary."),
        Event("error", ("error",), "A message could not be sent, or the worker not be started."),
    )

    id: int
    """Its number in the cluster, from 1."""

    state: str
    """``'none'``, ``'online'``, ``'listening'``, ``'disconnected'`` or ``'dead'``; in the worker
    itself also ``'disconnecting'`` and ``'destroying'``, after `disconnect` and `kill`."""

    exitedAfterDisconnect: bool | None = None
    """Whether it was asked to disconnect: True from then on, False when it went by itself, None
    while it is there."""

    process: Process
    """The worker's process; in the worker itself it stands for Node's ``process``."""

    def __init__(self, id: int, state: str) -> None:
        super().__init__()
        self.id = id
        self.state = state

    # -- operations -------------------------------------------------------------------------

    def send(self, *args: Any) -> bool:
        """Send a message: in the primary to the worker, in the worker to the primary.

        As :meth:`Process.send`: ``send(message[, handle[, options]][, callback])``.

        Mirrors: "worker.send()".
        """
        return self.process.send(*args)

    def kill(self, signal: str | int | None = None) -> None:
        """End the worker.

        Args:
            signal: In the primary, the signal that it gets, by name or number; ``'SIGTERM'`` when
                left out. In the worker itself it has no meaning: it disconnects and exits with 0.

        Raises:
            ERR_UNKNOWN_SIGNAL: There is no such signal.

        Mirrors: "worker.kill()".
        """
        raise NotImplementedError

    def destroy(self, signal: str | int | None = None) -> None:
        """Do what `kill` does."""
        self.kill(signal)

    def disconnect(self) -> Self:
        """Have the worker close its servers and, when they are closed, the channel.

        It ends when nothing keeps it going any more: connections that are open may end first.

        Mirrors: "worker.disconnect()".
        """
        raise NotImplementedError

    # -- properties -------------------------------------------------------------------------

    def isConnected(self) -> bool:
        """Whether the channel between worker and primary is open."""
        return self.process.connected

    def isDead(self) -> bool:
        """Whether the worker's process has ended."""
        return False

    def __repr__(self) -> str:
        return f"<Worker {self.id} {self.state}>"
