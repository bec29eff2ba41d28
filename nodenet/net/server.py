"""Servers for TCP and Unix sockets.

Invariant: `_port` is where connections come from, exactly while the server listens; ``'close'``
follows once neither it nor a connection of the server is open. `_asking` is there while another
process is asked for the port.
"""

from __future__ import annotations

import socket as _socket
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Self

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from nodenet import dns
from nodenet.abort import AbortSignal
from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_SERVER_ALREADY_LISTEN,
    ERR_SERVER_NOT_RUNNING,
)
from nodenet.events import Event, addAbortListener
from nodenet.loop import debuglog, pollerOf
from nodenet.net._accepting import AcceptingServer
from nodenet.net._address import AddressInfo, addressInfo
from nodenet.net._listen import ListenRequest, bind, listenRequest, placeOf
from nodenet.net._options import ServerOptions
from nodenet.net.socket import Socket
from nodenet.options import resolve
from nodenet.transports.listening import ListeningDescriptor
from nodenet.transports.source import Listener, Port, sourceOf

_trace = debuglog("net")


class Server(AcceptingServer):
    """Accepts connections and emits each as a `Socket` (Node: Class ``net.Server``).

    Args:
        options: A mapping of `ServerOptions`; may be left out.
        connectionListener: A listener of ``'connection'``.
        reactor: The Twisted reactor; the global one when left out.
        keywords: Options by name; they win over those of `options`.

    Raises:
        ERR_INVALID_ARG_TYPE: An option has the wrong type.

    Mirrors: "new net.Server([options][, connectionListener])".
    """

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("listening", (), "The server is bound and accepts connections."),
        Event("connection", ("socket",), "Somebody has connected."),
        Event("drop", ("data",), "A connection over `maxConnections` was closed."),
        Event("error", ("error",), "Listening failed; ``'close'`` does not follow."),
        Event("close", (), "The server is closed, and so are all its connections."),
    )

    # -- construction -----------------------------------------------------------------------

    def __init__(
        self,
        options: Mapping[str, Any] | Callable[[Socket], object] | None = None,
        connectionListener: Callable[[Socket], object] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__()
        if callable(options):
            options, connectionListener = None, options
        elif options is not None and not isinstance(options, Mapping):
            raise ERR_INVALID_ARG_TYPE("options", "Object", options)
        resolved = resolve(ServerOptions, options, keywords)
        if callable(connectionListener):
            self.on("connection", connectionListener)
        self._prepare(pollerOf(reactor), resolved)
        self._port: Port | None = None
        self._asking: Deferred[Port] | None = None
        self._referenced = True
        self._listens = 0
        self._abort: Any = None

    # -- operations -------------------------------------------------------------------------

    def listen(self, *args: Any, **keywords: Any) -> Self:
        """Accept connections.

        ``listen([port[, host[, backlog]]])``, ``listen(path[, backlog])``, ``listen(options)`` or
        ``listen(handle[, backlog])`` with a server, a `socket.socket` or ``{'fd': number}``. Each
        form takes a listener of ``'listening'`` as its last argument; keywords are options too.
        Without a host all addresses are listened on, of IPv6 and IPv4 where there are both.

        Args:
            args: As above.
            keywords: `ListenOptions` by name.

        Returns:
            This server. What goes wrong with the address is emitted as ``'error'``.

        Raises:
            ERR_SERVER_ALREADY_LISTEN: It listens already.
            ERR_SOCKET_BAD_PORT: The port is not one.
            ERR_INVALID_ARG_VALUE: Nothing says where to listen.

        Mirrors: "server.listen()".
        """
        if self._port is not None:
            raise ERR_SERVER_ALREADY_LISTEN()
        request = listenRequest(args, keywords)
        if request.callback is not None:
            self.once("listening", request.callback)
        if request.signal is not None:
            self._close_on(request.signal)
        self._begin()
        if request.host is None:
            self._bind(request, None)
        else:
            self._look_up(request, request.host)
        return self

    def close(self, callback: Callable[..., object] | None = None) -> Self:
        """Accept no more connections; ``'close'`` follows when those that are open have ended.

        Args:
            callback: Called at ``'close'``: with `ERR_SERVER_NOT_RUNNING` if it did not listen.

        Mirrors: "server.close([callback])".
        """
        if callable(callback):
            if self._port is None:
                self.once("close", lambda *_: callback(ERR_SERVER_NOT_RUNNING()))
            else:
                self.once("close", callback)
        self._begin()
        self._close_port()
        self._close_if_drained()
        return self

    def getConnections(self, callback: Callable[[BaseException | None, int], object]) -> Self:
        """Call ``callback(None, number of open connections)`` in a later tick.

        Those count that were passed on to another process and are open there. In a worker of a
        cluster, its own connections alone.

        Mirrors: "server.getConnections(callback)".
        """
        self._poller.nextTick(callback, None, self._connections + self._elsewhere)
        return self

    def address(self) -> AddressInfo | str | None:
        """Where the server listens: address, family and port, or the path; None if it does not.

        Mirrors: "server.address()".
        """
        if self._port is None:
            return None
        where = self._port.localAddress()
        return addressInfo(where) if isinstance(where, tuple) else str(where)

    def ref(self) -> Self:
        """Keep `nodenet.run` going while this server listens (the default)."""
        self._referenced = True
        if self._port is not None:
            self._port.ref()
        return self

    def unref(self) -> Self:
        """Let `nodenet.run` end although this server listens."""
        self._referenced = False
        if self._port is not None:
            self._port.unref()
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._port is None:
            return
        closed: Deferred[None] = Deferred()
        self.close(lambda *_: self._poller.queueMicrotask(closed.callback, None))
        await closed

    # -- properties -------------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        """Whether the server accepts connections."""
        return self._port is not None

    def __repr__(self) -> str:
        where = self.address()
        if isinstance(where, AddressInfo):
            host = f"[{where.address}]" if where.family == "IPv6" else where.address
            where = f"{host}:{where.port}"
        state = f"listening on {where}" if self.listening else "not listening"
        return f"<{type(self).__name__} {state}, {self._connections} connections>"

    # -- private ----------------------------------------------------------------------------

    def _close_on(self, signal: AbortSignal) -> None:
        if signal.aborted:
            self._poller.nextTick(self.close)
        else:
            self._abort = addAbortListener(signal, lambda *_: self.close())

    def _begin(self) -> None:
        """What was begun before is not waited for any more."""
        self._listens += 1
        if self._asking is not None:
            self._asking.cancel()

    def _look_up(self, request: ListenRequest, host: str) -> None:
        turn = self._listens

        def found(error: BaseException | None, address: Any = None, family: Any = None) -> None:
            if turn != self._listens:
                return  # closed, or listening elsewhere
            if error is not None:
                self.emit("error", error)
            else:
                self._bind(request, address)

        dns.lookup(host, found, reactor=self._poller.reactor)

    def _bind(self, request: ListenRequest, address: str | None) -> None:
        source = sourceOf(self._poller) if request.shared else None
        if source is not None:
            listener = Listener(self, self._accepted, self._refuses)
            self._asking = source.listen(placeOf(request, address), listener)
            self._asking.addCallbacks(self._opened, self._refused)
            return
        try:
            bound = bind(request, address)
        except OSError as error:
            self._poller.nextTick(self.emit, "error", error)
        else:
            skt, path = bound.socket, bound.path
            self._opened(ListeningDescriptor(self._poller, skt, self._accepted, path))

    def _opened(self, port: Port) -> None:
        self._asking = None
        self._port = port
        if not self._referenced:
            port.unref()
        port.startReading()
        if _trace is not None:
            _trace("listening: {!r}", self)
        self._poller.nextTick(self._emit_listening)

    def _refused(self, failure: Failure) -> None:
        self._asking = None
        if not failure.check(CancelledError):
            self._poller.nextTick(self.emit, "error", failure.value)

    def _emit_listening(self) -> None:
        if self._port is not None:
            self.emit("listening")

    def _close_port(self) -> None:
        port, self._port = self._port, None
        abort, self._abort = self._abort, None
        if abort is not None:
            abort.dispose()
        if port is not None:
            port.close()

    def _close_if_drained(self) -> None:
        if self._port is None and not self._connections and not self._elsewhere:
            self._poller.nextTick(self.emit, "close")

    def _duplicate(self) -> _socket.socket | None:
        """Another descriptor of the listening socket, for `listen` of another server."""
        return None if self._port is None else self._port.duplicate()
