"""nodenet's endpoints for every Twisted program: ``node:tcp:…``, ``node:unix:…``, ``udp:…``.

Law: this is imported by every program that looks for plugins, so it imports next to nothing; the
strings mean what `nodenet.endpoints` says they mean.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IReactorCore,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

from nodenet.interfaces import (
    IDatagramClientEndpoint,
    IDatagramClientEndpointStringParser,
    IDatagramServerEndpoint,
    IDatagramServerEndpointStringParser,
)


@implementer(
    IPlugin,
    IStreamServerEndpointStringParser,
    IDatagramServerEndpointStringParser,
    IDatagramClientEndpointStringParser,
)
class DatagramParser:
    """Hands the endpoint strings of one prefix to nodenet's parser.

    Where to listen Twisted reads for connections only, and is given what takes datagrams.

    Args:
        prefix: the prefix. After ``node`` the kind follows; any other is the kind itself.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def parseStreamServer(
        self, reactor: IReactorCore, *args: object, **kwargs: object
    ) -> IStreamServerEndpoint:
        """Make the endpoint for ``serverFromString(reactor, 'prefix:…')``."""
        from nodenet.endpoints import serverFromString

        return serverFromString(reactor, self._joined(args, kwargs))

    def parseDatagramServer(
        self, reactor: IReactorCore, *args: object, **kwargs: object
    ) -> IDatagramServerEndpoint:
        """Make the endpoint for ``datagramServerFromString(reactor, 'prefix:…')``."""
        from nodenet.endpoints import datagramServerFromString

        return datagramServerFromString(reactor, self._joined(args, kwargs))

    def parseDatagramClient(
        self, reactor: IReactorCore, *args: object, **kwargs: object
    ) -> IDatagramClientEndpoint:
        """Make the endpoint for ``datagramClientFromString(reactor, 'prefix:…')``."""
        from nodenet.endpoints import datagramClientFromString

        return datagramClientFromString(reactor, self._joined(args, kwargs))

    def _joined(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The string again, which Twisted has cut."""
        from nodenet.endpoints import joinArguments

        kind, *rest = args or ("",) if self.prefix == "node" else (self.prefix, *args)
        return joinArguments(kind, [*((None, value) for value in rest), *kwargs.items()])


@implementer(IStreamClientEndpointStringParserWithReactor)
class EndpointParser(DatagramParser):
    """Hands over those of what to connect to as well."""

    def parseStreamClient(
        self, reactor: IReactorCore, *args: object, **kwargs: object
    ) -> IStreamClientEndpoint:
        """Make the endpoint for ``clientFromString(reactor, 'prefix:…')``."""
        from nodenet.endpoints import clientFromString

        return clientFromString(reactor, self._joined(args, kwargs))
