"""Endpoints that listen for TCP and Unix connections.

Law: what they take is what `net.Server` and its `listen` take; only `maxConnections`, which is
a property there, is added.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Annotated, Any, ClassVar, Self

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from nodenet import net
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._path import PathEndpoint
from nodenet.endpoints._resolve import resolved
from nodenet.endpoints._stale import removeStaleSocket
from nodenet.endpoints._tune import tune
from nodenet.loop import pollerOf
from nodenet.net._listen import Bound, bind, listenRequest
from nodenet.net._options import ListenOptions, ServerOptions, TuningOptions
from nodenet.options import NUMBER, Option, checkInteger, declarations
from nodenet.transports.port import StreamPort
from nodenet.transports.unix import BoundPath

_log = Logger(namespace="nodenet")


class StreamServerArguments(ServerOptions, ListenOptions, total=False):
    """What the string of a listening endpoint may hold."""

    maxConnections: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=0),
            string=NUMBER,
            doc="Connections beyond this many are closed at once.",
        ),
    ]


_SERVER = frozenset(declarations(ServerOptions))
_TUNING = frozenset(declarations(TuningOptions))
_LISTEN = frozenset(declarations(ListenOptions))
_OF_PORTS = frozenset({"port", "host", "ipv6Only", "reusePort"})
_OF_PATHS = frozenset({"path", "mode", "readableAll", "writableAll"})


def _remove(path: BoundPath | None) -> None:
    """Remove the file of a Unix socket, where its directory is still ours to write to."""
    try:
        if path is not None:
            path.unlink()
    except OSError as error:
        # Privileges were given up since. The next start takes the file over.
        _log.warn("cannot remove the socket: {error}", error=error)


class _Server(net.Server):
    """A server on a socket that its endpoint has bound; the endpoint's path goes with it."""

    path: BoundPath | None = None

    def close(self, callback: Callable[..., object] | None = None) -> Self:
        _remove(self.path)
        return super().close(callback)


@implementer(IStreamServerEndpoint)
class StreamServerEndpoint(Endpoint):
    """Where to listen for connections, and how: for Node's servers and for Twisted's factories."""

    def serve(self, connectionListener: Callable[[net.Socket], Any]) -> net.Server:
        """Make the server that this endpoint describes, and have it listen.

        Args:
            connectionListener: called with the `net.Socket` of each connection.

        Returns:
            The server; it is bound, and `'listening'` follows.

        Raises:
            OSError: The system refused, in Node's words.
        """
        bound = self._bind()
        server = _Server(self._only(_SERVER), connectionListener, reactor=self._reactor)
        server.path = bound.path
        if "maxConnections" in self._options:
            server.maxConnections = self._options["maxConnections"]
        return server.listen(bound.socket, self._options.get("backlog"))

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen with a Twisted factory; its protocols run on nodenet's transports.

        Args:
            protocolFactory: makes a protocol for each connection.

        Returns:
            A Deferred, fired already: the port, or the error of the bind, which is an `OSError`
            in Node's words and a `CannotListenError`.
        """
        return execute(self._listen, protocolFactory)

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        bound = self._bind()
        port = StreamPort(
            pollerOf(self._reactor),
            factory,
            lambda: bound.socket,
            admit=lambda peer: self._admits(port, peer),
            prepare=self._prepare,
            closed=lambda: _remove(bound.path),
        )
        port.startListening()
        return port

    def _admits(self, port: StreamPort, peer: Any) -> bool:
        """Whether a connection from the raw address `peer` may stay."""
        most: float = self._options.get("maxConnections", inf)
        return port.connections < most

    def _prepare(self, transport: Any) -> None:
        """Tune a transport before its protocol gets it."""

    @abstractmethod
    def _bind(self) -> Bound:
        """Open the listening socket."""


class TCPServerEndpoint(StreamServerEndpoint):
    """``tcp:PORT``: a TCP server.

    >>> str(TCPServerEndpoint(port=8124, host="127.0.0.1"))
    'tcp:8124:interface=127.0.0.1'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "tcp",
        StreamServerArguments,
        first=("port",),
        without=_OF_PATHS,
        places=("port", "fd"),
    )

    def _bind(self) -> Bound:
        options = self._only(_LISTEN)
        address = resolved(options.pop("host", None))
        return bind(listenRequest((options,), {}), address)

    def _admits(self, port: StreamPort, peer: Any) -> bool:
        blocked = self._options.get("blockList")
        if blocked is not None and blocked.check(peer[0], "ipv6" if len(peer) > 2 else "ipv4"):
            return False
        return super()._admits(port, peer)

    def _prepare(self, transport: Any) -> None:
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
        without=_OF_PORTS | _TUNING | {"blockList"},
        places=("path", "fd"),
    )

    def _bind(self) -> Bound:
        options = self._only(_LISTEN)
        removeStaleSocket(options.get("path", ""))
        return bind(listenRequest((options,), {}), None)
