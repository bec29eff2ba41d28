"""What ``--listen`` and ``--connect`` of a relay say.

Law: whatever they say is read when the relay is made; a string that means nothing is an
`EndpointStringError` then.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from nodenet.endpoints import (
    Endpoint,
    TLSClientEndpoint,
    UDPClientEndpoint,
    clientFromString,
    serverFromString,
)
from nodenet.endpoints._syntax import cut
from nodenet.endpoints.parse import _CLIENTS, _SERVERS
from nodenet.errors import ERR_INVALID_ARG_TYPE


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


def listenEndpoint(text: str, reactor: Any) -> Endpoint | NamedEndpoint:
    """Read where to listen: nodenet's kinds, and all that Twisted knows.

    Raises:
        EndpointStringError: It means nothing.
    """
    kind = cut(text).prefix
    own = kind in _SERVERS
    endpoint = serverFromString(reactor if own else _given(reactor), text)
    return cast(Endpoint, endpoint) if own else NamedEndpoint(text, kind, endpoint)


def connectEndpoint(given: Any, reactor: Any) -> UDPClientEndpoint | IStreamClientEndpoint:
    """Read what to connect to, unless it is an endpoint. As `listenEndpoint`.

    Raises:
        ERR_INVALID_ARG_TYPE: It is neither a string nor an endpoint.
        EndpointStringError: It means nothing.
    """
    if isinstance(given, UDPClientEndpoint) or IStreamClientEndpoint.providedBy(given):
        return cast(IStreamClientEndpoint, given)
    if not isinstance(given, str):
        raise ERR_INVALID_ARG_TYPE("connect", ["string", "Endpoint"], given)
    description = cut(given)
    if description.prefix == "udp":
        return UDPClientEndpoint.fromDescription(description, reactor)
    own = description.prefix in _CLIENTS
    return clientFromString(reactor if own else _given(reactor), given)


def beginsWithTLS(target: object, text: str) -> bool:
    """Whether the first thing on a connection to this target is the handshake of TLS."""
    return isinstance(target, TLSClientEndpoint) or text.startswith("ssl:")


def _given(reactor: Any) -> Any:
    """Twisted's own endpoints want a reactor when they are made."""
    if reactor is None:
        from twisted.internet import reactor
    return reactor
