"""What ``--listen`` and ``--connect`` of a relay say.

Law: whatever they say is read when the relay is made; a string that means nothing is an
`EndpointStringError` then.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, ClassVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from nodenet import dgram
from nodenet.addresses import isIP, isIPv6
from nodenet.dgram._options import SocketOptions
from nodenet.endpoints import (
    Endpoint,
    TLSClientEndpoint,
    clientFromString,
    serverFromString,
)
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._syntax import cut
from nodenet.endpoints.parse import _CLIENTS, _SERVERS
from nodenet.options import HOST, PORT, TEXT, Option, checkPort, declarations


@implementer(IStreamServerEndpoint)
class NamedEndpoint:
    """Where to listen, as Twisted or a plugin of it has read the string.

    Attributes:
        kind: What the string begins with.
    """

    def __init__(self, text: str, kind: str, endpoint: IStreamServerEndpoint) -> None:
        self.kind = kind
        self._text = text
        self._endpoint = endpoint

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See `IStreamServerEndpoint`."""
        listening: Deferred[IListeningPort] = self._endpoint.listen(protocolFactory)
        return listening

    def __str__(self) -> str:
        return self._text


class DatagramTargetArguments(SocketOptions, total=False):
    """What the string of a UDP target may hold."""

    host: Annotated[str, Option(string=HOST, doc="The name or address to send to.")]
    port: Annotated[
        int, Option(check=partial(checkPort, allowZero=False), string=PORT, doc="The port.")
    ]
    localAddress: Annotated[str | None, Option(string=TEXT, doc="The address to send from.")]


_OF_LISTENERS = frozenset(
    {"reuseAddr", "reusePort", "ipv6Only", "packetInfo", "receiveBlockList", "sendBlockList"}
)
_SOCKET = frozenset(declarations(SocketOptions)) - {"type"}
_HERE = {"udp4": "127.0.0.1", "udp6": "::1"}


class DatagramTarget(Endpoint):
    """``udp:HOST:PORT``: where a relay sends datagrams.

    >>> str(DatagramTarget(host="127.0.0.1", port=53))
    'udp:127.0.0.1:53'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "udp",
        DatagramTargetArguments,
        first=("host", "port"),
        without=_OF_LISTENERS,
        places=("port",),
    )

    def open(self) -> dgram.Socket:
        """A socket of its own, which is about to be connected with the target.

        It emits ``'connect'`` when it is.
        """
        options = self._only(_SOCKET)
        socket = dgram.createSocket({**options, "type": self.type}, reactor=self._reactor)
        local = self._options.get("localAddress")
        if local is not None:
            socket.bind(0, local, exclusive=True)
        return socket

    @property
    def host(self) -> str:
        """Its name or address; without one it is this host."""
        return self._options.get("host") or _HERE[self.type]

    @property
    def port(self) -> int:
        """Its port."""
        port: int = self._options["port"]
        return port

    @property
    def type(self) -> str:
        """``'udp4'`` or ``'udp6'``."""
        kind: str | None = self._options.get("type")
        return kind or ("udp6" if isIPv6(self._options.get("host", "")) else "udp4")

    def isItself(self, address: str, port: int) -> bool:
        """Whether this is the address of the target, as far as that is known without a look-up."""
        return port == self.port and address == self.host and bool(isIP(address))


def listenEndpoint(text: str, reactor: Any) -> Endpoint | NamedEndpoint:
    """Read where to listen: nodenet's kinds, and all that Twisted knows.

    Raises:
        EndpointStringError: It means nothing.
    """
    kind = cut(text).prefix
    own = kind in _SERVERS
    endpoint = serverFromString(reactor if own else _given(reactor), text)
    return cast(Endpoint, endpoint) if own else NamedEndpoint(text, kind, endpoint)


def connectEndpoint(text: str, reactor: Any) -> DatagramTarget | IStreamClientEndpoint:
    """Read what to connect to. As `listenEndpoint`."""
    description = cut(text)
    if description.prefix == "udp":
        return DatagramTarget.fromDescription(description, reactor)
    own = description.prefix in _CLIENTS
    return clientFromString(reactor if own else _given(reactor), text)


def beginsWithTLS(target: object, text: str) -> bool:
    """Whether the first thing on a connection to this target is the handshake of TLS."""
    return isinstance(target, TLSClientEndpoint) or text.startswith("ssl:")


def _given(reactor: Any) -> Any:
    """Twisted's own endpoints want a reactor when they are made."""
    if reactor is None:
        from twisted.internet import reactor
    return reactor
