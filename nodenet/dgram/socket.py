"""Datagram sockets.

Invariant: `_connection` says whether there is a peer, and only `connect`, `_associate` and
`disconnect` move it; `_known` holds destinations exactly while the socket is bound, has no peer and
may send to whom it likes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, Final

from nodenet.addresses import isIP
from nodenet.dgram._addresses import AddressInfo, addressInfo
from nodenet.dgram._arguments import SendCallback, SendRequest, sendRequest
from nodenet.dgram._life import LivingSocket, Phase
from nodenet.dgram._link import Link
from nodenet.errors import (
    ERR_IP_BLOCKED,
    ERR_SOCKET_DGRAM_IS_CONNECTED,
    ERR_SOCKET_DGRAM_NOT_CONNECTED,
    systemError,
)
from nodenet.events import Event
from nodenet.options import checkNumber, checkPort, checkString
from nodenet.transports.udp_address import NOWHERE, Destination, destination

_HERE: Final = {"udp4": "127.0.0.1", "udp6": "::1"}
_KNOWN: Final = 1024  # destinations whose packed form is kept; all are forgotten beyond


class Connection(Enum):
    """How far a socket is connected."""

    NONE = "none"
    CONNECTING = "connecting"
    CONNECTED = "connected"


class Socket(LivingSocket):
    """A UDP socket (Node: Class ``dgram.Socket``). `createSocket` makes one.

    ::

        server = dgram.createSocket("udp4")

        @server.on("message")
        def echo(msg, rinfo):
            server.send(msg, rinfo.port, rinfo.address)

        server.bind(41234)

    ``async with`` closes it at the end of the block and waits for `'close'`.

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

    # -- construction -----------------------------------------------------------------------

    def __init__(
        self,
        type: str | Mapping[str, Any] | None = None,
        listener: Callable[..., object] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        self._connection = Connection.NONE
        self._known: dict[tuple[Any, Any], Destination] = {}
        super().__init__(type, listener, reactor=reactor, **keywords)

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
        port = checkPort(port, "Port", allowZero=False)
        if callable(address):
            address, callback = None, address
        host = "" if address is None else checkString(address, "address")
        self._check_running()
        if self._connection is not Connection.NONE:
            raise ERR_SOCKET_DGRAM_IS_CONNECTED
        self._connection = Connection.CONNECTING
        self._when_bound(lambda: self._connect(port, host, callback), callback)

    def disconnect(self) -> None:
        """Send to, and hear, anybody again, at once (``socket.disconnect``).

        Raises:
            ERR_SOCKET_DGRAM_NOT_CONNECTED: There is no peer.
        """
        if self._connection is not Connection.CONNECTED or self._descriptor is None:
            raise ERR_SOCKET_DGRAM_NOT_CONNECTED
        try:
            self._descriptor.disconnect()
        except OSError as error:
            raise systemError(error, "connect") from None
        self._connection = Connection.NONE

    def remoteAddress(self) -> AddressInfo:
        """Return the address of the peer (``socket.remoteAddress``).

        Raises:
            ERR_SOCKET_DGRAM_NOT_CONNECTED: There is none.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        self._check_running()
        if self._connection is not Connection.CONNECTED or self._descriptor is None:
            raise ERR_SOCKET_DGRAM_NOT_CONNECTED
        try:
            return addressInfo(self._descriptor.remoteAddress())
        except OSError as error:
            raise systemError(error, "getpeername") from None

    def send(
        self,
        msg: Any,
        offset: Any = None,
        length: Any = None,
        port: Any = None,
        address: Any = None,
        callback: SendCallback | None = None,
    ) -> None:
        """Send a datagram (``socket.send``).

        ``send(msg, port, address, callback)``, or with ``offset, length`` behind `msg`; on a
        connected socket ``send(msg, callback)``. What can be left out is left out from the end, and
        everything can be given by keyword. A socket that is not bound is bound to a free port.

        What one handler sends leaves when it has returned, in one system call where the system has
        one for that. While the kernel is full, datagrams wait in order.

        Args:
            msg: Bytes of any kind, text (UTF-8), or a list of such parts. May be changed
                afterwards.
            offset: Where the message begins, in bytes.
            length: How many bytes it has.
            port: The peer's, 1 to 65,535.
            address: An address or a host name; left out: this host.
            callback: Called with (None, bytes sent) or (error, None). Without it an error is
                emitted.

        Raises:
            ERR_INVALID_ARG_TYPE, ERR_BUFFER_OUT_OF_BOUNDS: An argument is wrong.
            ERR_SOCKET_BAD_PORT: It is none, or there is none and the socket is not connected.
            ERR_SOCKET_DGRAM_IS_CONNECTED: The socket is connected and there is a port.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        if port is None and address is None and callback is None and type(msg) is bytes:
            try:
                known = self._known[offset, length]
            except (KeyError, TypeError):
                pass  # not seen before, or no port and no address at all
            else:
                queue = self._queue
                queue.collected.append(msg)
                queue.destinations.append(known)
                if not queue.scheduled:
                    queue.schedule()
                return
        connected = self._connection is Connection.CONNECTED
        request = sendRequest(connected, msg, offset, length, port, address, callback)
        self._check_running()
        self._when_bound(lambda: self._dispatch(request), request.callback)

    def sendto(
        self,
        buffer: Any,
        offset: int,
        length: int,
        port: int,
        address: str,
        callback: SendCallback | None = None,
    ) -> None:
        """Send a datagram with all arguments in their places (``socket.sendto``). As `send`."""
        checkNumber(offset, "offset")
        checkNumber(length, "length")
        checkNumber(port, "port")
        checkString(address, "address")
        self.send(buffer, offset, length, port, address, callback)

    # -- properties -------------------------------------------------------------------------

    def getSendQueueSize(self) -> int:
        """Return how many bytes wait to be sent: the system has not taken them yet.

        Raises:
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        self._check_running()
        return 0 if self._descriptor is None else self._descriptor.queue.size

    def getSendQueueCount(self) -> int:
        """Return how many datagrams wait to be sent. As `getSendQueueSize`."""
        self._check_running()
        return 0 if self._descriptor is None else self._descriptor.queue.count

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

        self._look_up(host or _HERE[self.type], found)

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
                self._descriptor.connect(destination(ip, port, self._family).raw)
            except OSError as refused:
                error = systemError(refused, "connect", address, port)
        if error is not None:
            self._connection = Connection.NONE
            self._loop.nextTick(self._not_connected, error, callback)
            return
        self._connection = Connection.CONNECTED
        self._known = {}
        self._loop.nextTick(self.emit, "connect")

    def _not_connected(self, error: BaseException, callback: Callable[..., object] | None) -> None:
        if callback is None:
            self.emit("error", error)
        else:
            self.removeListener("connect", callback)
            callback(error)

    def _dispatch(self, request: SendRequest) -> None:
        """Send from a bound socket."""
        if not request.port:
            self._queue.send(request.message, NOWHERE, request.callback)
            return
        host = request.address or _HERE[self.type]
        numeric = isIP(host) and self._options["lookup"] is None

        def found(error: BaseException | None, ip: Any = None, family: Any = None) -> None:
            to = error or self._destination(ip, request.port, host)
            if isinstance(to, BaseException):
                # Two ticks, as in Node: behind the callbacks of what was sent before.
                self._loop.nextTick(self._loop.nextTick, self._not_sent, to, request.callback)
                return
            if numeric and not self._options["sendBlockList"]:
                self._remember((request.port, request.address), to)
            self._queue.send(request.message, to, request.callback)

        if numeric:
            found(None, host)  # the tick of Node's look-up is that of the send queue
        else:
            self._look_up(host, found)

    def _destination(self, ip: Any, port: int, host: str) -> Destination | BaseException:
        """Where to send, or why nothing can be sent there."""
        if self._phase is Phase.CLOSED:
            return systemError(errno.ECANCELED, "send", host, port)
        if self._connection is Connection.CONNECTED:
            return systemError(errno.EISCONN, "send", host, port)
        blocked = self._blocked(ip)
        if blocked is not None:
            return blocked
        try:
            return destination(ip, port, self._family, host)
        except OSError as error:
            return systemError(error, "send", host, port)

    def _not_sent(self, error: BaseException, callback: Callable[..., object] | None) -> None:
        if callback is None:
            self.emit("error", error)
        else:
            callback(error, None)

    def _blocked(self, ip: str) -> ERR_IP_BLOCKED | None:
        blocked = self._options["sendBlockList"]
        if blocked is not None and blocked.check(ip, f"ipv{isIP(ip)}"):
            return ERR_IP_BLOCKED(ip)
        return None

    def _remember(self, written: tuple[int, str | None], to: Destination) -> None:
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[written] = to

    def _bound(self, descriptor: Link) -> None:
        self._queue = descriptor.queue
        super()._bound(descriptor)

    def _shut(self) -> None:
        self._known = {}
        super()._shut()
