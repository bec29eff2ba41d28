"""The life of a datagram socket: unbound, binding, bound, closed.

Invariant: `_phase` says how far it is, and only `_bound` and `_shut` here and what begins in
`nodenet.dgram._binding` move it; `_descriptor` is there from binding (or from joining a group)
until closing; `_release` tells another process, whose socket it is, that it is closed.
"""

from __future__ import annotations

import socket as _socket
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.dgram._addresses import AddressInfo
from nodenet.dgram._families import FAMILIES
from nodenet.dgram._link import Link
from nodenet.dgram._options import SocketOptions
from nodenet.dgram._receiver import MessageReceiver, newReceiver
from nodenet.dgram._tuning import TunableSocket
from nodenet.errors import (
    ERR_SOCKET_BAD_TYPE,
    ERR_SOCKET_DGRAM_NOT_RUNNING,
    systemError,
)
from nodenet.events import Disposable, addAbortListener
from nodenet.loop import debuglog, pollerOf
from nodenet.options import resolve
from nodenet.transports.source import BoundSocket
from nodenet.transports.udp import UDPDescriptor

if TYPE_CHECKING:
    from types import TracebackType

    from nodenet.abort import AbortSignal

_trace = debuglog("dgram")


Waiting = tuple[Callable[[], object], Callable[[BaseException, None], object] | None]


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
        self._asking: Deferred[BoundSocket] | None = None
        self._release: Callable[[], object] | None = None
        self._referenced = True
        # what waits for 'listening': what to do, and who hears that it will not come
        self._pending: list[Waiting] = []
        self._closing = False  # closes as soon as that is done
        self._aborted: Disposable | None = None
        if callable(listener):
            self.on("message", listener)
        self._watch(options["signal"])

    # -- operations -------------------------------------------------------------------------

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
        self._check_open()
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
        if self._phase is Phase.CLOSED:
            raise ERR_SOCKET_DGRAM_NOT_RUNNING

    def _check_open(self) -> None:
        """Refuse to begin anything on a socket that is closed, or closes when it is bound."""
        if self._closing:
            raise ERR_SOCKET_DGRAM_NOT_RUNNING
        self._check_running()

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

    def _bound(self, descriptor: Link) -> None:
        self._descriptor = descriptor
        self._phase = Phase.BOUND
        descriptor.startReading()
        if _trace is not None:
            _trace("listening: {!r}", self)
        try:
            if self._options["recvBufferSize"]:
                self.setRecvBufferSize(self._options["recvBufferSize"])
            if self._options["sendBufferSize"]:
                self.setSendBufferSize(self._options["sendBufferSize"])
            self.emit("listening")
        finally:
            self._settle()  # unless it was among the listeners, and had its turn

    def _settle(self) -> None:
        """Do what has waited for the socket to be bound."""
        pending, self._pending = self._pending, []
        for action, failed in pending:
            try:
                action()
            except Exception as error:  # of a look-up function, say
                if failed is None:
                    self._loop.uncaught(Failure(), self)
                else:
                    self._loop.nextTick(failed, error, None)
        if self._closing:
            self._shut()

    def _shut(self) -> None:
        self._phase = Phase.CLOSED
        self._closing = False
        if self._asking is not None:
            self._asking.cancel()
        self._drop_descriptor()
        self._loop.nextTick(self._closed)

    def _drop_descriptor(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        release, self._release = self._release, None
        if descriptor is not None:
            descriptor.close()
        if release is not None:
            release()

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
