"""Endpoints that listen for TCP and Unix connections.

Law: what they take is what `net.Server` and its `listen` take; only `maxConnections`, which is
a property there, is added.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from math import inf
from socket import AF_INET, AF_INET6, AF_UNIX, socket
from typing import Annotated, Any, ClassVar, Self, TypedDict

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from nodenet import net
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._path import PathEndpoint
from nodenet.endpoints._resolve import resolved
from nodenet.endpoints._shared_port import shared
from nodenet.endpoints._stale import removeStaleSocket
from nodenet.endpoints._systemd import ActivationOptions, descriptorOf, listening
from nodenet.endpoints._tune import tune
from nodenet.interfaces import INodeStreamEndpoint
from nodenet.loop import pollerOf
from nodenet.net._listen import Bound, ListenRequest, bind, listenRequest, placeOf
from nodenet.net._options import (
    ListenOptions,
    PathOptions,
    PortOptions,
    ServerOptions,
    TuningOptions,
)
from nodenet.options import BOOLEAN, NUMBER, Option, checkBoolean, checkInteger, declarations
from nodenet.transports.listening import ListeningDescriptor
from nodenet.transports.port import StreamPort
from nodenet.transports.source import Place, sourceOf
from nodenet.transports.unix import BoundPath

_log = Logger(namespace="nodenet")


class ServiceOptions(TypedDict, total=False):
    """What Node has as properties of a server."""

    maxConnections: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=0),
            string=NUMBER,
            doc="Connections beyond this many are closed at once.",
        ),
    ]
    dropMaxConnection: Annotated[
        bool,
        Option(
            default=False,
            check=checkBoolean,
            string=BOOLEAN,
            doc="In a cluster too: no other worker gets them.",
        ),
    ]


class StreamServerArguments(
    ServerOptions, ListenOptions, ActivationOptions, ServiceOptions, total=False
):
    """What the string of a listening endpoint may hold."""


_SERVER = frozenset(declarations(ServerOptions))
_TUNING = frozenset(declarations(TuningOptions))
_LISTEN = frozenset(declarations(ListenOptions))
_OPENING_PORTS = frozenset(declarations(PortOptions))
_OPENING_PATHS = frozenset(declarations(PathOptions))
_ADOPTING = ("fd", *declarations(ActivationOptions))
_HALF_OPEN = "is for Node's servers: protocols of Twisted's provide IHalfCloseableProtocol"


def _remove(path: BoundPath | None) -> None:
    """Remove the file of a Unix socket, where its directory is still ours to write to."""
    try:
        if path is not None:
            path.unlink()
    except OSError as error:
        # Privileges were given up since. The next start takes the file over.
        _log.warn("cannot remove the socket: {error}", error=error)


def _open_socket(bound: Bound | None) -> socket:
    if bound is None:
        raise CannotListenError(None, None, OSError("a port of a primary's is not opened again"))
    return bound.socket


class EndpointServer(net.Server):
    """A server on a socket that its endpoint has bound; the endpoint's path goes with it.

    Attributes:
        unfinished: What resets the connections that the listener has yet to hear of: hands are
            shaken.
    """

    path: BoundPath | None = None

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.unfinished: dict[Callable[[], object], None] = {}

    def close(self, callback: Callable[..., object] | None = None) -> Self:
        _remove(self.path)
        return super().close(callback)

    def take(self, bound: Bound) -> None:
        """Listen on a socket that listens already."""
        self.path = bound.path
        self._opened(ListeningDescriptor(self._poller, bound.socket, self._accepted))


@implementer(IStreamServerEndpoint, INodeStreamEndpoint)
class StreamServerEndpoint(Endpoint):
    """Where to listen for connections, and how: for Node's servers and for Twisted's factories."""

    families: ClassVar[frozenset[int]]
    """The families of the sockets that it listens on."""

    def serve(self, connectionListener: Callable[[net.Socket], Any]) -> EndpointServer:
        """Make the server that this endpoint describes, and have it listen.

        Args:
            connectionListener: called with the `net.Socket` of each connection.

        Returns:
            The server; it is bound, and `'listening'` follows. In a worker of a cluster it asks
            the primary, unless it is exclusive: it is bound when `'listening'` comes, and not when
            `'error'` does.

        Raises:
            OSError: The system refused, in Node's words.
        """
        asks = sourceOf(pollerOf(self._reactor)) is not None and self._request().shared
        bound = None if asks else self._bind()
        server = self._server(self._only(_SERVER), connectionListener, reactor=self._reactor)
        if "maxConnections" in self._options:
            server.maxConnections = self._options["maxConnections"]
        server.dropMaxConnection = self._options.get("dropMaxConnection", False)
        if bound is None:
            given = self._request().options
            server.listen({name: value for name, value in given.items() if value is not None})
        else:
            server.take(bound)
        return server

    def place(self) -> Place | None:
        """What the workers of a cluster ask their primary for; None: each binds itself.

        Raises:
            OSError: There is no such host, no such socket of systemd's.
        """
        request = self._request()
        return placeOf(request, request.host) if request.shared else None

    def prepare(self) -> None:
        """Make way for whoever binds `place`, as this endpoint does before it binds itself."""

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen with a Twisted factory; its protocols run on nodenet's transports.

        Args:
            protocolFactory: makes a protocol for each connection.

        Returns:
            A Deferred, fired already: the port; or the error of the bind, which is an `OSError`
            in Node's words and a `CannotListenError`; or `ERR_INVALID_ARG_VALUE` for
            `allowHalfOpen`, which a protocol of Twisted's says by `IHalfCloseableProtocol`. In a
            worker of a cluster it fires when the primary has answered, unless the port is
            `exclusive` or has `reusePort`.
        """
        return maybeDeferred(self._listen, protocolFactory)

    def _server(self, *args: Any, **keywords: Any) -> EndpointServer:
        """As the constructor of `net.Server`."""
        return EndpointServer(*args, **keywords)

    def _listen(self, factory: IProtocolFactory) -> Any:
        self._refuse("allowHalfOpen", _HALF_OPEN)
        poller = pollerOf(self._reactor)
        source = sourceOf(poller)
        place = None if source is None else self.place()
        bound = self._bind() if place is None else None
        port = StreamPort(
            poller,
            factory,
            partial(_open_socket, bound),
            admit=lambda peer: self._admits(port, peer),
            prepare=self._prepare,
            pauseOnConnect=self._options.get("pauseOnConnect", False),
            closed=None if bound is None else partial(_remove, bound.path),
        )
        if source is not None and place is not None:
            return shared(poller, source, place, port)
        port.startListening()
        return port

    def _admits(self, port: StreamPort, peer: Any) -> bool:
        """Whether a connection from the raw address `peer` may stay."""
        most: float = self._options.get("maxConnections", inf)
        return port.connections < most

    def _prepare(self, transport: Any) -> None:
        """Tune a transport before its protocol gets it."""
        if "highWaterMark" in self._options:
            transport.bufferSize = self._options["highWaterMark"]

    def _bind(self) -> Bound:
        """Get the listening socket."""
        which = self._options.get("systemd")
        if which is None:
            return self._open()
        backlog = self._options.get("backlog")
        skt = listening(which, self.arguments.kind, self.families, backlog)
        return Bound(skt, os.fsdecode(skt.getsockname()) if skt.family == AF_UNIX else None)

    def _request(self) -> ListenRequest:
        """What to listen on, with a host that is an address."""
        options = self._only(_LISTEN)
        if "systemd" in self._options:
            options["fd"] = descriptorOf(self._options["systemd"])
        options["host"] = resolved(options.get("host"))
        return listenRequest((options,), {})

    @abstractmethod
    def _open(self) -> Bound:
        """Open the listening socket, or adopt the descriptor that was named."""


class TCPServerEndpoint(StreamServerEndpoint):
    """``tcp:PORT``: a TCP server.

    >>> str(TCPServerEndpoint(port=8124, host="127.0.0.1"))
    'tcp:8124:interface=127.0.0.1'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "tcp",
        StreamServerArguments,
        first=("port",),
        without=_OPENING_PATHS | {"path"},
        adopting=_ADOPTING,
        opening=_OPENING_PORTS,
    )
    families = frozenset({AF_INET, AF_INET6})

    def _open(self) -> Bound:
        request = self._request()
        return bind(request, request.host)

    def _admits(self, port: StreamPort, peer: Any) -> bool:
        blocked = self._options.get("blockList")
        if blocked is not None and blocked.check(peer[0], "ipv6" if len(peer) > 2 else "ipv4"):
            return False
        return super()._admits(port, peer)

    def _prepare(self, transport: Any) -> None:
        super()._prepare(transport)
        tune(transport, self._options)


class UNIXServerEndpoint(PathEndpoint, StreamServerEndpoint):
    """``unix:PATH``: a server on a Unix socket; ``unix:@NAME`` on an abstract one.

    >>> str(UNIXServerEndpoint(path="/tmp/echo.sock", mode=0o660))
    'unix:/tmp/echo.sock:mode=660'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "unix",
        StreamServerArguments,
        first=("path",),
        without=_OPENING_PORTS | _TUNING | {"port", "blockList"},
        adopting=_ADOPTING,
        opening=_OPENING_PATHS,
        names={"address": "path"},  # as Twisted calls it
    )
    families = frozenset({AF_UNIX})

    def prepare(self) -> None:
        """Remove the file of a socket that nobody listens on any more."""
        removeStaleSocket(self._only(_LISTEN).get("path", ""))

    def _open(self) -> Bound:
        self.prepare()
        return bind(self._request(), None)
