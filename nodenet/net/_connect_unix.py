"""Connecting to a Unix socket.

Law: a `ConnectingUnix` owns its descriptor until it hands it, connected, to its socket; once it is
cancelled nothing of it reaches the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nodenet.errors import systemError
from nodenet.transports import unix
from nodenet.transports.unix import UNIXTransport

if TYPE_CHECKING:
    from nodenet.net._life import LivingSocket


class ConnectingUnix:
    """One call of `Socket.connect` with a path, until it has connected or failed."""

    tcp: ClassVar[bool] = False

    def __init__(self, socket: LivingSocket, path: str) -> None:
        self._socket = socket
        self._path = path
        self._poller = socket._poller
        self._alive = True
        self._transport: UNIXTransport | None = None

    def begin(self) -> None:
        """Start. That the path cannot be one is told at once, all else later."""
        self._socket.emit("connectionAttempt", self._path, None, None)
        if not self._alive:
            return
        try:
            unix.checkPath(self._path)
            transport = self._transport = UNIXTransport.open(self._poller)
        except OSError as error:
            self._socket.destroy(
                systemError(error, "connect", self._path, local="undefined:undefined")
            )
            return
        try:
            transport.connect(self._path, self._outcome)
        except OSError as refused:
            # As libuv, which tells of it in the loop's next round.
            self._poller.feed(self._outcome, refused)

    def local(self) -> str | None:
        """Unix sockets that connect have no local address."""
        return None

    def localAddress(self) -> None:
        """As `local`."""

    def cancel(self) -> None:
        """End it, silently."""
        self._alive = False
        if self._transport is not None:
            self._transport.close()

    def _outcome(self, error: OSError | None) -> None:
        if not self._alive:
            return
        transport, self._transport = self._transport, None
        assert transport is not None
        if error is None:
            self._alive = False
            self._socket._connected(transport)
            return
        transport.close()
        self._socket._failed_to_connect(systemError(error, "connect", self._path), self._path)
