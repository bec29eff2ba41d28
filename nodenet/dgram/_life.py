"""The life of a datagram socket: unbound, binding, bound, closed.

Invariant: `_phase` says how far it is, and only `bind`, `_bind`, `_bound` and `_shut` move it;
`_descriptor` is there from binding (or from joining a group) until closing.
"""

from __future__ import annotations

import socket as _socket
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from twisted.internet.defer import Deferred

from nodenet.dgram._addresses import AddressInfo
from nodenet.dgram._arguments import BindRequest, bindRequest
from nodenet.dgram._bind import adopted, ask, prepare
from nodenet.dgram._families import FAMILIES
from nodenet.dgram._link import ForeignLink, Link
from nodenet.dgram._options import SocketOptions
from nodenet.dgram._receiver import MessageReceiver, newReceiver
from nodenet.dgram._tuning import TunableSocket
from nodenet.errors import (
    ERR_SOCKET_ALREADY_BOUND,
    ERR_SOCKET_BAD_TYPE,
    ERR_SOCKET_DGRAM_NOT_RUNNING,
    systemError,
)
from nodenet.events import Disposable, addAbortListener
from nodenet.loop import debuglog, pollerOf
from nodenet.options import resolve
from nodenet.transports.udp import UDPDescriptor
from nodenet.transports.udp_queue import SendQueue

if TYPE_CHECKING:
    from types import TracebackType

    from nodenet.abort import AbortSignal
    from nodenet.loop import Poller

_trace = debuglog("dgram")


class Phase(Enum):
    """How far a socket is bound."""

    UNBOUND = "unbound"
    BINDING = "binding"
    BOUND = "bound"
    CLOSED = "closed"


class LivingSocket(TunableSocket):
    """What `nodenet.dgram.Socket` is before it has to do with peers. See there."""

    # -- construction -----------------------------------------------------------------------

    def __init__(
        self,
        type: str | Mapping[str, Any] | None = None,
        listener: Callable[..., object] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__()
        given = type if isinstance(type, Mapping) else {"type": type}
        options = self._options = resolve(SocketOptions, given, keywords)
        if options["type"] is None:
            raise ERR_SOCKET_BAD_TYPE
        self.type: str = options["type"]
        self._family = FAMILIES[self.type]
        self._loop = self._poller = pollerOf(reactor)
        self._phase = Phase.UNBOUND
        self._descriptor: Link | None = None
        self._referenced = True
        # what waits for 'listening': what to do, and who hears that it will not come
        self._pending: list[tuple[Callable[[], object], Callable[..., object] | None]] = []
        self._closing = False  # closes as soon as that is done
        self._aborted: Disposable | None = None
        if callable(listener):
            self.on("message", listener)
        self._watch(options["signal"])

    # -- operations -------------------------------------------------------------------------

    def bind(
        self,
        port: int | Mapping[str, Any] | Callable[[], object] | None = None,
        address: str | Callable[[], object] | None = None,
        callback: Callable[[], object] | None = None,
        *,
        exclusive: bool = False,
        fd: int | None = None,
    ) -> Self:
        """Bind to a port, and receive; `'listening'` follows (``socket.bind``).

        Args:
            port: 0 to 65,535; 0 or left out: one that is free. Or a mapping of `BindOptions`.
            address: An address or a host name; left out: all interfaces.
            callback: A listener of `'listening'`; may stand in the place of any argument before.
            exclusive: Do not share the port with the workers of a cluster.
            fd: Adopt this descriptor of a UDP socket instead.

        Returns:
            This socket. When binding fails, `'error'` follows and the socket can be bound again.

        Raises:
            ERR_SOCKET_ALREADY_BOUND: The socket is bound, or being bound.
            ERR_SOCKET_DGRAM_NOT_RUNNING: It is closed.
            ERR_INVALID_ARG_TYPE: `address` is no text.
            ERR_INVALID_FD_TYPE: `fd` is no UDP socket.
        """
        self._check_running()
        if self._phase is not Phase.UNBOUND:
            raise ERR_SOCKET_ALREADY_BOUND
        request = bindRequest(self._family, port, address, callback, exclusive, fd)
        skt = None if request.fd is None else adopted(request.fd)
        self._phase = Phase.BINDING
        if request.callback is not None:
            self.once("listening", request.callback)
        if skt is not None:
            descriptor = self._open(skt)
            ask(descriptor, self._options)
            self._bound(descriptor)
            return self

        def found(error: BaseException | None, ip: Any = None, family: Any = None) -> None:
            self._bind(request, error, ip)

        self._look_up(request.address or self._family.anywhere, found)
        return self

    def close(self, callback: Callable[[], object] | None = None) -> Self:
        """Close the socket; `'close'` follows (``socket.close``).

        What has been sent by the running handler and the queue of what the kernel has not taken are
        canceled: the callbacks get ``ECANCELED``.

        Args:
            callback: A listener of `'close'`.

        Raises:
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        if callable(callback):
            self.on("close", callback)
        self._check_running()
        if self._pending:
            self._closing = True
        else:
            self._shut()
        return self

    def address(self) -> AddressInfo | str:
        """Return where the socket is bound (``socket.address``).

        Raises:
            EBADF: It is not bound.
            ERR_SOCKET_DGRAM_NOT_RUNNING: It is closed.
        """
        self._check_running()
        try:
            if self._descriptor is not None:
                return self._family.info(self._descriptor.localAddress())
            return self._family.info(self._kernel_socket().getsockname())
        except OSError as error:
            raise systemError(error, "getsockname") from None

    def ref(self) -> Self:
        """Keep `nodenet.run` going while this socket is open (the default; ``socket.ref``)."""
        self._referenced = True
        if self._descriptor is not None:
            self._descriptor.ref()
        return self

    def unref(self) -> Self:
        """Let `nodenet.run` end although this socket is open (``socket.unref``)."""
        self._referenced = False
        if self._descriptor is not None:
            self._descriptor.unref()
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._phase is Phase.CLOSED:
            return
        closed: Deferred[None] = Deferred()
        self.on("close", lambda: self._loop.queueMicrotask(closed.callback, None))
        if not self._closing:
            self.close()
        await closed

    # -- private ----------------------------------------------------------------------------

    def _check_running(self) -> None:
        if self._phase is Phase.CLOSED or self._closing:
            raise ERR_SOCKET_DGRAM_NOT_RUNNING

    def _kernel_socket(self, bind: bool = False) -> _socket.socket:
        if self._descriptor is None:
            if not bind:
                return self._family.closedSocket()
            self._descriptor = descriptor = self._open()
            descriptor.socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            descriptor.bind(self._family.pack(self._family.anywhere, 0).raw)
        return self._descriptor.socket

    def _open(self, skt: _socket.socket | None = None) -> UDPDescriptor:
        """A descriptor that tells this socket what it hears."""
        receiver = self._receiver()
        descriptor = self._family.open(self._loop, skt, receiver)
        receiver.queue = descriptor.queue
        descriptor.queue.limit = self._options["sendQueueLimit"]
        if not self._options["segmentation"]:
            descriptor.sendWhole()
        if not self._referenced:
            descriptor.unref()
        return descriptor

    def _receiver(self) -> MessageReceiver:
        blocked = self._options["receiveBlockList"]
        return newReceiver(self, self._loop, self._family.senders(), blocked)

    def _await_link(self) -> Poller:
        """A `DatagramLink` will bring the transport."""
        self._check_running()
        if self._phase is not Phase.UNBOUND:
            raise ERR_SOCKET_ALREADY_BOUND
        self._phase = Phase.BINDING
        return self._loop

    def _link_to(self, link: ForeignLink) -> MessageReceiver:
        """Here it is."""
        receiver = self._receiver()
        receiver.queue = link.queue = SendQueue(link, link, receiver.failed)
        link.queue.limit = self._options["sendQueueLimit"]
        self._loop.nextTick(self._linked, link)
        return receiver

    def _linked(self, link: ForeignLink) -> None:
        if self._phase is Phase.BINDING:
            self._bound(link)
        else:
            link.close()

    def _look_up(self, host: str, found: Callable[..., object]) -> None:
        self._family.lookUp(self._options["lookup"], host, found, self._loop)

    def _bind(self, request: BindRequest, error: BaseException | None, ip: Any) -> None:
        """The address is known, or will not be."""
        if self._phase is not Phase.BINDING:
            return  # closed meanwhile
        if error is not None:
            self._not_bound(request, error)
            return
        descriptor = self._descriptor or self._open()
        try:
            prepare(descriptor.socket, self._options)
            ask(descriptor, self._options)
            descriptor.bind(self._family.pack(ip, request.port).raw)
        except OSError as refused:
            if descriptor is not self._descriptor:
                descriptor.close()
            self._not_bound(request, systemError(refused, "bind", ip, request.port))
        else:
            self._bound(descriptor)

    def _bound(self, descriptor: Link) -> None:
        self._descriptor = descriptor
        self._phase = Phase.BOUND
        descriptor.startReading()
        if self._options["recvBufferSize"]:
            self.setRecvBufferSize(self._options["recvBufferSize"])
        if self._options["sendBufferSize"]:
            self.setSendBufferSize(self._options["sendBufferSize"])
        if _trace is not None:
            _trace("listening: {!r}", self)
        self._settle()
        self.emit("listening")
        if self._closing:
            self._shut()

    def _not_bound(self, request: BindRequest, error: BaseException) -> None:
        self._phase = Phase.UNBOUND
        if request.callback is not None:
            self.removeListener("listening", request.callback)
        pending, self._pending = self._pending, []
        for _, failed in pending:
            if failed is not None:
                self._loop.nextTick(failed, error, None)
        if self._closing:
            self._shut()
        self.emit("error", error)

    def _when_bound(
        self, action: Callable[[], object], failed: Callable[..., object] | None
    ) -> None:
        """Do `action` now or, when the socket is bound, then; bind it if nobody has."""
        if self._phase is Phase.BOUND:
            action()
            return
        if self._phase is Phase.UNBOUND:
            self.bind(port=0, exclusive=True)
        self._pending.append((action, failed))

    def _settle(self) -> None:
        pending, self._pending = self._pending, []
        for action, _ in pending:
            action()

    def _shut(self) -> None:
        self._phase = Phase.CLOSED
        self._closing = False
        if self._descriptor is not None:
            self._descriptor.close()
            self._descriptor = None
        self._loop.nextTick(self._closed)

    def _closed(self) -> None:
        if self._aborted is not None:
            self._aborted.dispose()
        if _trace is not None:
            _trace("close: {!r}", self)
        self.emit("close")

    def _lost(self) -> None:
        """The reactor stops; the descriptor is closed."""
        if self._phase is not Phase.CLOSED:
            self._shut()

    def _report(self, error: BaseException) -> None:
        self.emit("error", error)

    def _watch(self, signal: AbortSignal | None) -> None:
        if signal is None:
            return
        if signal.aborted:
            self.close()
        else:
            self._aborted = addAbortListener(signal, self._abort)

    def _abort(self, *_: object) -> None:
        if self._phase is not Phase.CLOSED and not self._closing:
            self.close()
