"""Endpoints that connect over TCP and to Unix sockets.

Law: what they take is what `net.Socket.connect` takes, and they connect as it does: the addresses
of a name are tried one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Annotated, Any, ClassVar, Self, TypedDict

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._dial import Dial
from nodenet.endpoints._path import PathEndpoint
from nodenet.endpoints._tune import tune
from nodenet.net._options import ConnectOptions
from nodenet.options import NUMBER, Option, checkNumber, declarations

_TIMEOUT = 30  # seconds, as Twisted has it


class DialOptions(TypedDict, total=False):
    """What Twisted's own endpoints add to connecting."""

    timeout: Annotated[
        float,
        Option(
            default=_TIMEOUT,
            check=partial(checkNumber, minimum=0, maximum=10**9),
            string=NUMBER,
            node=False,
            doc="Seconds until connecting is given up.",
        ),
    ]


class ClientArguments(ConnectOptions, DialOptions, total=False):
    """What the string of a connecting endpoint may hold."""


_CONNECT = frozenset(declarations(ConnectOptions))
_OF_PATHS = frozenset({"path"})
_OF_ALL = frozenset({"path", "timeout"})


@implementer(IStreamClientEndpoint)
class StreamClientEndpoint(Endpoint):
    """What to connect to, and how."""

    _lookup: Callable[..., object] | None = None

    def lookingUp(self, lookup: Callable[..., object]) -> Self:
        """Return the same endpoint with another way to find the addresses of its host.

        Args:
            lookup: In place of `dns.lookup`, as the option of `net.Socket.connect`.
        """
        made = copy(self)
        made._lookup = lookup
        return made

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and run a protocol on nodenet's transport.

        Args:
            protocolFactory: makes the protocol when the connection is there.

        Returns:
            A Deferred of the protocol; or of what went wrong: a `ConnectError`, which what the
            system refused is beside an `OSError` in Node's words. Cancelling ends the attempt.
        """
        timeout = self._options.get("timeout", _TIMEOUT)
        options = self._only(_CONNECT)
        if self._lookup is not None:
            options["lookup"] = self._lookup
        return Dial(protocolFactory, options, timeout, self._prepare, self._reactor).connected

    def _prepare(self, transport: Any) -> None:
        """Tune the transport before its protocol gets it."""


class TCPClientEndpoint(StreamClientEndpoint):
    """``tcp:HOST:PORT``: a TCP connection.

    >>> str(TCPClientEndpoint(host="example.com", port=80))
    'tcp:example.com:80'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "tcp",
        ClientArguments,
        first=("host", "port"),
        without=_OF_PATHS,
        places=("port",),
        names={"bindAddress": "localAddress"},
    )

    def _prepare(self, transport: Any) -> None:
        tune(transport, self._options)


class UNIXClientEndpoint(PathEndpoint, StreamClientEndpoint):
    """``unix:PATH``: a connection to a Unix socket; ``unix:@NAME`` to an abstract one.

    >>> str(UNIXClientEndpoint(path="/tmp/echo.sock"))
    'unix:/tmp/echo.sock'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "unix",
        ClientArguments,
        first=("path",),
        without=frozenset(declarations(ClientArguments)) - _OF_ALL,
    )
