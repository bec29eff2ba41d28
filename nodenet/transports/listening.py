"""Listening descriptors: connections in, in bounded bursts.

Law: accepting never spins: what the kernel refuses for lack of descriptors or memory pauses the
port, is said once in the log, and is tried again a little later.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

from nodenet.loop import Handle, Poller
from nodenet.transports.unix import BoundPath

_log = Logger(namespace="nodenet")

_BURST: Final = 32  # connections accepted at once before others have their turn
_PAUSE: Final = 0.1  # seconds
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# The connection died in the queue; on Linux accept() also passes on its pending network error.
_DIED_WAITING: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.EPERM,
        errno.EPROTO,
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
    }
)


class ListeningDescriptor(Handle):
    """A listening stream socket; `accepted(socket, raw peer address)` gets each connection.

    Args:
        path: The file of a Unix socket, if it is to be removed when this is closed.
    """

    def __init__(
        self,
        poller: Poller,
        skt: socket.socket,
        accepted: Callable[[socket.socket, Any], object],
        path: BoundPath | None = None,
    ) -> None:
        super().__init__(poller, skt)
        self._accepted = accepted
        self._accept = skt._accept  # type: ignore[attr-defined]  # what `accept` calls
        self._kind = int(skt.family), int(skt.type), skt.proto
        self._path = path
        self._exhausted = False
        self._retry: Any = None

    def doRead(self) -> None:
        for _ in range(_BURST):
            try:
                descriptor, peer = self._accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _DIED_WAITING:
                    continue
                if error.errno in _EXHAUSTED:
                    self._pause(error)
                    return
                raise
            if self._exhausted:
                self._exhausted = False
                _log.info("{port!r} accepts connections again", port=self)
            # As `socket.accept` does it, which converts two enums for every connection.
            self._accepted(socket.socket(*self._kind, descriptor), peer)
            ticks = self.poller.ticks
            if ticks.queue and ticks.depth == 1:
                ticks.drain()  # Node drains after each connection
            if not self.reading:
                return  # closed or paused by who got the connection

    def stopReading(self) -> None:
        self._forget_retry()
        super().stopReading()

    def doWrite(self) -> None:
        """A listening socket is never watched for writing."""

    def close(self) -> None:
        """Stop listening. Connections waiting in the kernel's backlog are reset by it."""
        self._forget_retry()
        path, self._path = self._path, None
        try:
            if path is not None:
                path.unlink()
        finally:
            self.closeDescriptor()

    def connectionLost(self, reason: object) -> None:
        self.close()

    def localAddress(self) -> Any:
        """The raw address, or the path."""
        name = self._socket.getsockname()
        return name if isinstance(name, tuple) else os.fsdecode(name)

    def duplicate(self) -> socket.socket:
        """Another descriptor of the socket."""
        return self._socket.dup()

    def describe(self) -> str:
        """Where it listens."""
        if not self._open:
            return "closed"
        name = self.localAddress()
        if not isinstance(name, tuple):
            return f"listening on {name}"
        host = f"[{name[0]}]" if len(name) > 2 else name[0]
        return f"listening on {host}:{name[1]}"

    def _forget_retry(self) -> None:
        if self._retry is not None and self._retry.active():
            self._retry.cancel()

    def _pause(self, error: OSError) -> None:
        self.stopReading()
        if not self._exhausted:
            self._exhausted = True
            _log.error(
                "{port!r} cannot accept connections: {error}; trying again every {pause} s",
                port=self,
                error=error,
                pause=_PAUSE,
            )
        self._retry = self.poller.callLater(_PAUSE, self.startReading, ref=self.hasRef())
