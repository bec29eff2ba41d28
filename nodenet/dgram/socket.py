"""Datagram sockets.

Invariant: `_connection` says whether there is a peer, and only `connect`, `_connect`, `_associate`,
`disconnect` and `_unbind` move it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from nodenet.dgram._addresses import AddressInfo
from nodenet.dgram._arguments import given
from nodenet.dgram._life import Phase
from nodenet.dgram._messages import LIMIT, Messages
from nodenet.dgram._sending import Connection, SendingSocket
from nodenet.errors import (
    ERR_SOCKET_DGRAM_IS_CONNECTED,
    ERR_SOCKET_DGRAM_NOT_CONNECTED,
    systemError,
)
from nodenet.events import Event
from nodenet.options import checkFunction, checkInteger


class Socket(SendingSocket):
    """A UDP socket (Node: Class ``dgram.Socket``). `createSocket` makes one.

    ::

        server = dgram.createSocket("udp4")

        @server.on("message")
        def echo(msg, rinfo):
            server.send(msg, rinfo.port, rinfo.address)

        server.bind(41234)

    ``async with`` closes it at the end of the block and waits for `'close'`; ``async for msg,
    rinfo in socket`` takes its messages one after the other.

    Args:
        type: ``'udp4'`` or ``'udp6'``, or a mapping of `SocketOptions`.
        listener: A listener of `'message'`.
        reactor: The reactor; by default Twisted's global one.
        keywords: `SocketOptions`.

    Attributes:
        type: As it was given.

    Raises:
        ERR_SOCKET_BAD_TYPE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: An option is wrong.
    """

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("close", (), "The socket is closed; no `'message'` follows."),
        Event("connect", (), "The socket has a peer: `connect` has succeeded."),
        Event("error", ("error: Exception",), "Something failed. The socket stays open."),
        Event("listening", (), "The socket is bound and can receive."),
        Event("message", ("msg: bytes", "rinfo: RemoteInfo"), "A datagram has arrived."),
    )

    # -- operations -------------------------------------------------------------------------

    def connect(
        self,
        port: int,
        address: str | Callable[..., object] | None = None,
        callback: Callable[..., object] | None = None,
    ) -> None:
        """Send to one peer, and hear only it; `'connect'` follows (``socket.connect``).

        Args:
            port: 1 to 65,535.
            address: An address or a host name; left out: this host.
            callback: A listener of `'connect'`, or called with the error. Without it an error is
                emitted.

        Raises:
            ERR_SOCKET_BAD_PORT, ERR_INVALID_ARG_TYPE: An argument is wrong.
            ERR_SOCKET_DGRAM_IS_CONNECTED: The socket is connected, or being connected.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        if callable(address):
            address, callback = None, address
        port, host = self._family.peer(port, address)
        self._check_open()
        if self._connection is not Connection.NONE:
            raise ERR_SOCKET_DGRAM_IS_CONNECTED
        listener: Any = callback if given(callback) else None
        if listener is not None:
            checkFunction(listener, "listener")
        self._connection = Connection.CONNECTING
        self._known = {}
        self._when_bound(
            lambda: self._connect(port, host, listener),
            None if listener is None else lambda error, _: listener(error),
        )

    def disconnect(self) -> None:
        """Send to, and hear, anybody again, at once (``socket.disconnect``).

        Raises:
            ERR_SOCKET_DGRAM_NOT_CONNECTED: There is no peer.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        if self._connection is not Connection.CONNECTED:
            raise ERR_SOCKET_DGRAM_NOT_CONNECTED
        self._check_running()
        assert self._descriptor is not None  # connected, and not closed
        try:
            self._descriptor.disconnect()
        except OSError as error:
            raise systemError(error, "connect") from None
        self._connection = Connection.NONE

    def remoteAddress(self) -> AddressInfo | str:
        """Return the address of the peer (``socket.remoteAddress``).

        Raises:
            ERR_SOCKET_DGRAM_NOT_CONNECTED: There is none.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        self._check_running()
        if self._connection is not Connection.CONNECTED or self._descriptor is None:
            raise ERR_SOCKET_DGRAM_NOT_CONNECTED
        try:
            return self._family.info(self._descriptor.remoteAddress())
        except OSError as error:
            raise systemError(error, "getpeername") from None

    def messages(self, limit: int = LIMIT) -> Messages:
        """Return an asynchronous iterator over ``(msg, rinfo)``. nodenet's own.

        ``async for msg, rinfo in socket`` iterates over ``socket.messages()``.

        Args:
            limit: How many messages may wait to be taken; others are dropped and counted.

        Raises:
            ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: `limit` is no positive integer.
        """
        checkInteger(limit, "limit", 1)
        return Messages(self, self._loop, limit, self._phase is Phase.CLOSED)

    def __aiter__(self) -> Messages:
        return self.messages()

    # -- properties -------------------------------------------------------------------------

    def __repr__(self) -> str:
        where = "" if self._descriptor is None else f" {self._descriptor.describe()}"
        return f"<{type(self).__name__} {self.type} {self._phase.value}{where}>"

    # -- private ----------------------------------------------------------------------------

    def _connect(self, port: int, host: str, callback: Callable[..., object] | None) -> None:
        if callback is not None:
            self.once("connect", callback)

        def found(error: BaseException | None, ip: Any = None, family: Any = None) -> None:
            if self._phase is not Phase.CLOSED:
                self._associate(error, ip, port, host or ip, callback)

        try:
            self._look_up(host or self._family.here, found)
        except BaseException:
            if self._connection is Connection.CONNECTING:
                self._connection = Connection.NONE
                if callback is not None:
                    self.removeListener("connect", callback)
            raise

    def _associate(
        self,
        error: BaseException | None,
        ip: Any,
        port: int,
        address: str,
        callback: Callable[..., object] | None,
    ) -> None:
        """The peer's address is known, or will not be."""
        assert self._descriptor is not None  # bound, and not closed
        if error is None:
            error = self._blocked(ip)
        if error is None:
            try:
                self._descriptor.connect(self._family.pack(ip, port).raw)
            except OSError as refused:
                error = systemError(refused, "connect", address, port)
        if error is not None:
            self._connection = Connection.NONE
            self._loop.nextTick(self._not_connected, error, callback)
            return
        self._connection = Connection.CONNECTED
        self._loop.nextTick(self.emit, "connect")

    def _not_connected(self, error: BaseException, callback: Callable[..., object] | None) -> None:
        if callback is None:
            self.emit("error", error)
        else:
            self.removeListener("connect", callback)
            callback(error)
