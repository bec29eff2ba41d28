"""How a server takes connections: who may come in, and what he is given.

Invariant: `_connections` counts the connections of the server that are not destroyed, `_elsewhere`
those that were passed on to other processes and are open there.
"""

from __future__ import annotations

import socket as _socket
from collections.abc import Callable, Mapping
from typing import Any

from nodenet.addresses import BlockList
from nodenet.events import EventEmitter
from nodenet.loop import Poller
from nodenet.net._address import DropInfo, addressInfo
from nodenet.net._arguments import seconds
from nodenet.net._kernel_options import applyKernelSettings, kernelSettings
from nodenet.net.socket import Socket
from nodenet.streams import getDefaultHighWaterMark
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport


class AcceptingServer(EventEmitter):
    """What `nodenet.net.Server` is for a connection. See there."""

    maxConnections: float | None = None
    """Connections beyond this number are closed, with ``'drop'``; None: no limit."""

    dropMaxConnection: bool = False
    """In a cluster: close those connections instead of handing them to another worker."""

    blockedConnections: int = 0
    """How many connections `blockList` has closed. nodenet's own."""

    # -- construction -----------------------------------------------------------------------

    def _prepare(self, poller: Poller, resolved: Mapping[str, Any]) -> None:
        self._poller = poller
        self.allowHalfOpen: bool = resolved["allowHalfOpen"]
        self.pauseOnConnect: bool = resolved["pauseOnConnect"]
        self.noDelay: bool = resolved["noDelay"]
        self.keepAlive: bool = resolved["keepAlive"]
        self.keepAliveInitialDelay: int = seconds(resolved["keepAliveInitialDelay"])
        mark = resolved["highWaterMark"]
        self.highWaterMark: int = getDefaultHighWaterMark() if mark is None else mark
        self.blockList: BlockList | None = resolved["blockList"]
        self._kernel = kernelSettings(resolved)
        self._connections = 0
        self._elsewhere = 0
        self._vacated: Callable[[], object] | None = None
        self._released = self._forget  # one bound method for all connections

    # -- from the port ----------------------------------------------------------------------

    def _accepted(self, skt: _socket.socket, peer: Any) -> None:
        unix = not isinstance(peer, tuple)
        if self.maxConnections is not None and self._connections >= self.maxConnections:
            self._drop(skt, peer, unix)
            return
        if self.blockList is not None and not unix and _blocked(self.blockList, peer):
            self.blockedConnections += 1
            skt.close()
            return
        transport = (UNIXTransport if unix else TCPTransport)(self._poller, skt)
        if isinstance(transport, TCPTransport):
            if self.noDelay:
                transport.setNoDelay(True)
            if self.keepAlive:
                transport.setKeepAlive(True, self.keepAliveInitialDelay)
            if self._kernel:
                applyKernelSettings(transport, self._kernel)
        self._connections += 1
        self._welcome(transport, peer)

    def _welcome(self, link: Any, peer: Any) -> None:
        """Make the socket of a connection, which is counted already."""
        socket = Socket._accepted(
            link,
            self._poller,
            self,
            self.allowHalfOpen,
            self.highWaterMark,
            self.pauseOnConnect,
        )
        if self._kernel:
            socket._kernel = self._kernel
        socket._released = self._released
        if isinstance(peer, tuple):
            socket._peername = peer
        self.emit("connection", socket)

    def _drop(self, skt: _socket.socket, peer: Any, unix: bool) -> None:
        if unix:
            self.emit("drop")
        else:
            local, remote = addressInfo(skt.getsockname()), addressInfo(peer)
            self.emit(
                "drop",
                DropInfo(
                    local.address,
                    local.port,
                    local.family,
                    remote.address,
                    remote.port,
                    remote.family,
                ),
            )
        skt.close()

    def _refuses(self, coming: int, over: Callable[[], object]) -> bool:
        """Whether there are too many, and another process may have room; `over`: here is, again."""
        most = self.maxConnections
        if most is None or self.dropMaxConnection or self._connections + coming < most:
            return False
        self._vacated = over
        return True

    def _passed_on(self) -> Callable[[], None]:
        """A connection goes on in another process. Returns what to call, once, when it is over."""
        self._elsewhere += 1

        def over() -> None:
            self._elsewhere -= 1
            self._close_if_drained()

        return over

    def _forget(self) -> None:
        """A connection of this server was destroyed."""
        self._connections -= 1
        if self._vacated is not None:
            vacated, self._vacated = self._vacated, None
            vacated()
        self._close_if_drained()

    def _close_if_drained(self) -> None:
        raise NotImplementedError


def _blocked(blockList: BlockList, peer: Any) -> bool:
    return blockList.check(peer[0], "ipv6" if len(peer) > 2 else "ipv4")
