"""How a datagram socket comes to be bound: here, by another process, or over somebody's transport.

Law: whichever way it is, it ends in `_bound` or in `_not_bound`, unless the socket is closed
meanwhile: then nothing is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from twisted.python.failure import Failure

from nodenet.dgram._arguments import BindRequest, bindRequest
from nodenet.dgram._bind import adopted, ask, placeOf, prepare
from nodenet.dgram._life import LivingSocket, Phase, Waiting
from nodenet.dgram._link import ForeignLink
from nodenet.dgram._receiver import MessageReceiver
from nodenet.errors import ERR_SOCKET_ALREADY_BOUND, systemError
from nodenet.transports.source import BoundSocket, Source, sourceOf
from nodenet.transports.udp_queue import SendQueue

if TYPE_CHECKING:
    from nodenet.loop import Poller


class BindingSocket(LivingSocket):
    """What `nodenet.dgram.Socket` is before it has to do with peers. See there."""

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
            EINVAL, ENOTSUP: `fd` is of another family; the system cannot tell what an option asks.
        """
        self._check_open()
        if self._phase is not Phase.UNBOUND:
            raise ERR_SOCKET_ALREADY_BOUND
        request = bindRequest(self._family, port, address, callback, exclusive, fd)
        source = self._binder(request)
        if request.fd is not None and source is None:
            self._adopt(request.fd, request.callback)
            return self
        self._phase = Phase.BINDING
        if request.callback is not None:
            self.once("listening", request.callback)
        if request.fd is not None and source is not None:
            self._ask(source, request, None)
            return self

        def found(error: BaseException | None, ip: Any = None, family: Any = None) -> None:
            self._found(request, error, ip)

        try:
            self._look_up(request.address or self._family.anywhere, found)
        except BaseException:
            if self._phase is Phase.BINDING:
                self._unbind(request)
            raise
        return self

    # -- private ----------------------------------------------------------------------------

    def _adopt(self, fd: int, callback: Callable[[], object] | None) -> None:
        """Be bound as `fd` is."""
        descriptor = self._open(adopted(fd, {self._family.number}))
        try:
            ask(descriptor, self._options)
        except OSError as refused:
            descriptor.close()
            raise systemError(refused, "open") from None
        if callback is not None:
            self.once("listening", callback)
        self._bound(descriptor)

    def _await_link(self) -> Poller:
        """A `DatagramLink` will bring the transport."""
        self._check_open()
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

    def _found(self, request: BindRequest, error: BaseException | None, ip: Any) -> None:
        """The address is known, or will not be."""
        if self._phase is not Phase.BINDING:
            return  # closed meanwhile
        if error is not None:
            self._not_bound(request, error)
            return
        source = self._binder(request)
        if source is None:
            self._bind(request, ip)
        else:
            self._ask(source, request, ip)

    def _bind(self, request: BindRequest, ip: str) -> None:
        descriptor = self._descriptor
        try:
            if descriptor is None:
                descriptor = self._open()
            prepare(descriptor.socket, self._options)
            ask(descriptor, self._options)
            descriptor.bind(self._family.pack(ip, request.port).raw)
        except OSError as refused:
            if descriptor is not None and descriptor is not self._descriptor:
                descriptor.close()
            self._not_bound(request, systemError(refused, "bind", ip, request.port))
        else:
            self._bound(descriptor)

    def _binder(self, request: BindRequest) -> Source | None:
        """Who binds, if it is not this process."""
        alone = request.exclusive or self._options["reusePort"] or not self._family.shared
        return None if alone else sourceOf(self._loop)

    def _ask(self, source: Source, request: BindRequest, ip: str | None) -> None:
        self._asking = source.bind(placeOf(self._options, request, ip), self)
        later = self._loop.nextTick
        self._asking.addCallbacks(
            lambda bound: later(self._given, request, bound),
            lambda failure: later(self._refused, request, failure),
        )

    def _given(self, request: BindRequest, bound: BoundSocket) -> None:
        """Another process has bound a socket for this one."""
        self._asking = None
        if self._phase is not Phase.BINDING:
            bound.socket.close()
            bound.release()
            return
        if self._descriptor is not None:
            self._descriptor.close()  # made to join a group, say: Node leaves it behind as well
        self._release = bound.release
        self._descriptor = descriptor = self._open(bound.socket)
        try:
            ask(descriptor, self._options)
        except OSError as refused:
            self._drop_descriptor()
            self._not_bound(request, systemError(refused, "bind"))
        else:
            self._bound(descriptor)

    def _refused(self, request: BindRequest, failure: Failure) -> None:
        """Another process could not bind it; or this socket is closed meanwhile."""
        self._asking = None
        error = failure.value
        if self._phase is Phase.BINDING and isinstance(error, Exception):
            self._not_bound(request, error)

    def _unbind(self, request: BindRequest) -> list[Waiting]:
        """Be as unbound as before; what has waited."""
        self._phase = Phase.UNBOUND
        if request.callback is not None:
            self.removeListener("listening", request.callback)
        pending, self._pending = self._pending, []
        self.removeListener("listening", self._settle)
        return pending

    def _not_bound(self, request: BindRequest, error: BaseException) -> None:
        for _, failed in self._unbind(request):
            if failed is not None:
                self._loop.nextTick(failed, error, None)
        if self._closing:
            self._shut()
        self.emit("error", error)

    def _when_bound(
        self, action: Callable[[], object], failed: Callable[..., object] | None
    ) -> None:
        """Do `action` now or, when the socket is bound, then; bind it if nobody has.

        As in Node, what waits has its turn among the listeners of ``'listening'``.
        """
        if self._phase is Phase.BOUND:
            action()
            return
        if not self._pending:
            self.once("listening", self._settle)
        self._pending.append((action, failed))
        if self._phase is Phase.UNBOUND:
            self.bind(port=0, exclusive=True)
