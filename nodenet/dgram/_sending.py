"""What a socket sends.

Invariant: `_known` holds destinations only while the socket is bound, neither has nor awaits a peer
and may send to whom it likes; only `_unbind` here and some methods of `nodenet.dgram.socket`
move `_connection`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from nodenet.addresses import isIP
from nodenet.dgram._arguments import BindRequest, SendCallback, SendRequest, sendRequest
from nodenet.dgram._binding import BindingSocket
from nodenet.dgram._life import Phase, Waiting
from nodenet.dgram._link import Link
from nodenet.errors import ERR_IP_BLOCKED, systemError
from nodenet.options import checkNumber, checkString
from nodenet.transports.udp_address import NOWHERE, Destination, withControl
from nodenet.transports.udp_control import controlFor, droppedCount

_KNOWN: Final = 1024  # destinations whose packed form is kept; all are forgotten beyond


class Connection(Enum):
    """How far a socket is connected."""

    NONE = "none"
    CONNECTING = "connecting"
    CONNECTED = "connected"


class SendingSocket(BindingSocket):
    """What `nodenet.dgram.Socket` is without its peer. See there."""

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
        self._counts = 0, 0  # received and sent, once it is closed
        super().__init__(type, listener, reactor=reactor, **keywords)

    # -- operations -------------------------------------------------------------------------

    def send(
        self,
        msg: Any,
        offset: Any = None,
        length: Any = None,
        port: Any = None,
        address: Any = None,
        callback: SendCallback | None = None,
        *,
        fromAddress: str | None = None,
        tos: int | None = None,
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
            fromAddress: The local address to send from: the `localAddress` of a `PacketInfo`, to
                answer from where one was asked. nodenet's own, on Linux; sent one by one.
            tos: The traffic class of this datagram, 0 to 255. As `fromAddress`.

        Raises:
            ERR_INVALID_ARG_TYPE, ERR_BUFFER_OUT_OF_BOUNDS: An argument is wrong.
            ERR_INVALID_IP_ADDRESS, ERR_OUT_OF_RANGE: So is `fromAddress`, or `tos`.
            ERR_SOCKET_BAD_PORT: It is none, or there is none and the socket is not connected.
            ERR_SOCKET_DGRAM_IS_CONNECTED: The socket is connected and there is a port.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        plain = callback is None and fromAddress is None and tos is None
        if port is None and address is None and plain and type(msg) is bytes:
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
        request = sendRequest(
            self._family,
            connected,
            msg,
            offset,
            length,
            port,
            address,
            callback,
            fromAddress,
            tos,
        )
        self._check_open()
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

    def getReceivedCount(self) -> int:
        """Return how many datagrams have arrived, those of blocked senders included.

        nodenet's own. It is known of a closed socket, too.
        """
        return self._counts[0] if self._descriptor is None else self._descriptor.received

    def getSentCount(self) -> int:
        """Return how many datagrams were sent, or wait to be, or could not be.

        nodenet's own. It is known of a closed socket, too.
        """
        return self._counts[1] if self._descriptor is None else self._descriptor.queue.taken

    def getDroppedCount(self) -> int:
        """Return how many datagrams the system has dropped since the receive buffer was full.

        nodenet's own, on Linux.

        Raises:
            EBADF: The socket is not bound.
            ENOTSUP: The system does not say.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        self._check_running()
        try:
            return droppedCount(self._kernel_socket())
        except OSError as error:
            raise systemError(error, "getDroppedCount") from None

    # -- private ----------------------------------------------------------------------------

    def _dispatch(self, request: SendRequest) -> None:
        """Send from a bound socket."""
        if request.port is None:
            self._enqueue(request, NOWHERE)
            return
        known = self._known.get((request.port, request.address or None))
        if known is not None:
            self._enqueue(request, known)
            return
        self._find(request, request.port, request.address or self._family.here)

    def _find(self, request: SendRequest, port: int, host: str) -> None:
        """Send to a host that is not among those that are known."""
        # The tick of Node's look-up is that of the send queue.
        numeric = (
            self._family.isNumeric(host)
            and self._options["lookup"] is None
            and self._connection is Connection.NONE
        )
        waited = False

        def found(error: BaseException | None, ip: Any = None, family: Any = None) -> None:
            if error is None and self._phase is Phase.CLOSED and request.callback is None:
                return  # nobody asks what has become of it
            to = error or self._destination(ip, port, host)
            if isinstance(to, BaseException):
                self._queue.refuse(to, request.callback or self._not_sent)
            else:
                if numeric and not self._options["sendBlockList"]:
                    self._remember((port, request.address or None), to)
                self._enqueue(request, to)
            if waited:
                self._queue.flush()  # this is a handler of its own

        if numeric:
            found(None, host)
        else:
            self._look_up(host, found)
            waited = True

    def _enqueue(self, request: SendRequest, to: Destination) -> None:
        if request.fromAddress is not None or request.tos is not None:
            try:
                control = controlFor(self._family.number, request.fromAddress, request.tos)
            except OSError as error:
                refused = systemError(error, "send", to.address, to.port)
                self._queue.refuse(refused, request.callback or self._not_sent)
                return
            to = withControl(to, control)
        self._queue.send(request.message, to, request.callback)

    def _destination(self, ip: Any, port: int, host: str) -> Destination | BaseException:
        """Where to send, or why nothing can be sent there."""
        if self._phase is Phase.CLOSED:
            return systemError(errno.ECANCELED, "send", host, port)
        blocked = self._blocked(ip)
        if blocked is not None:
            return blocked
        try:
            to = self._family.pack(ip, port, host)
        except OSError as error:
            return systemError(error, "send", host, port)
        if self._connection is Connection.CONNECTED:
            return systemError(errno.EISCONN, "send", host, port)
        return to

    def _not_sent(self, error: BaseException, _: None) -> None:
        self.emit("error", error)

    def _blocked(self, ip: str) -> ERR_IP_BLOCKED | None:
        blocked, version = self._options["sendBlockList"], isIP(ip)
        if blocked is not None and version and blocked.check(ip, f"ipv{version}"):
            return ERR_IP_BLOCKED(ip)
        return None

    def _bound(self, descriptor: Link) -> None:
        self._queue = descriptor.queue
        super()._bound(descriptor)

    def _unbind(self, request: BindRequest) -> list[Waiting]:
        self._connection = Connection.NONE
        return super()._unbind(request)

    def _shut(self) -> None:
        self._known = {}
        descriptor = self._descriptor
        super()._shut()
        if descriptor is not None:
            self._counts = descriptor.received, descriptor.queue.taken

    def _remember(self, written: tuple[int, str | None], to: Destination) -> None:
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[written] = to
