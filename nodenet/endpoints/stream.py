"""Endpoints that listen for TCP and Unix connections.

Law: what they take is what `net.Server` and its `listen` take; only `maxConnections`, which is
a property there, is added.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar

from nodenet import net
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._resolve import resolved
from nodenet.endpoints._spellings import MODE, PATH, PORT, path
from nodenet.endpoints._stale import removeStaleSocket
from nodenet.net._listen import bind, listenRequest
from nodenet.net._options import ListenOptions, ServerOptions, TuningOptions
from nodenet.options import NUMBER, Option, checkInteger, declarations


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


class StreamServerEndpoint(Endpoint):
    """Where a `net.Server` listens, and how."""

    def serve(self, connectionListener: Callable[[net.Socket], Any]) -> net.Server:
        """Make the server that this endpoint describes, and have it listen.

        Args:
            connectionListener: called with the `net.Socket` of each connection.

        Returns:
            The server; it is bound, and `'listening'` follows.

        Raises:
            OSError: The system refused, in Node's words.
        """
        server = net.Server(self._only(_SERVER), connectionListener, reactor=self._reactor)
        if "maxConnections" in self._options:
            server.maxConnections = self._options["maxConnections"]
        return server.listen(self._bind(), self._options.get("backlog"))

    def _bind(self) -> socket.socket:
        """Open the listening socket."""
        options = self._only(_LISTEN)
        address = resolved(options.pop("host", None))
        return bind(listenRequest((options,), {}), address).socket


class TCPServerEndpoint(StreamServerEndpoint):
    """``tcp:PORT``: a TCP server.

    >>> str(TCPServerEndpoint(port=8124, host="127.0.0.1"))
    'tcp:8124:interface=127.0.0.1'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "tcp",
        StreamServerArguments,
        first={"port": PORT},
        without=_OF_PATHS,
        places=("port", "fd"),
    )


class UNIXServerEndpoint(StreamServerEndpoint):
    """``unix:PATH``: a server on a Unix socket; ``unix:@NAME`` on an abstract one.

    >>> str(UNIXServerEndpoint(path="/tmp/echo.sock", mode=0o660))
    'unix:/tmp/echo.sock:mode=660'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "unix",
        StreamServerArguments,
        first={"path": PATH},
        also={"mode": MODE},
        without=_OF_PORTS | _TUNING | {"blockList"},
        places=("path", "fd"),
    )

    def __init__(self, reactor: Any = None, **options: Any) -> None:
        given = options.get("path")
        if given is not None:
            # An abstract name has one form in here, the one that strings have.
            given = "@" + given[1:] if given.startswith("\0") else given
            options["path"] = path(given, "path")
        super().__init__(reactor, **options)

    def _bind(self) -> socket.socket:
        path = self._options.get("path", "")
        if path.startswith("@"):
            path = "\0" + path[1:]
        removeStaleSocket(path)
        return bind(listenRequest(({**self._only(_LISTEN), "path": path},), {}), None).socket
