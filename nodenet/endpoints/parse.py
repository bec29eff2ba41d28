"""From an endpoint string to an endpoint.

Law: ``tcp:``, ``unix:``, ``udp:``, ``ssl:`` for servers and ``tls:`` for clients are nodenet's
here; whatever else there is, Twisted and its plugins parse. A string that nobody understands is an
`EndpointStringError` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar, cast

from twisted.internet import endpoints as twisted
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import getPlugins

from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._syntax import Description, cut
from nodenet.endpoints.client import TCPClientEndpoint, UNIXClientEndpoint
from nodenet.endpoints.datagram import UDPServerEndpoint
from nodenet.endpoints.datagram_client import UDPClientEndpoint
from nodenet.endpoints.stream import TCPServerEndpoint, UNIXServerEndpoint
from nodenet.endpoints.tls import TLSClientEndpoint, TLSServerEndpoint
from nodenet.interfaces import (
    IDatagramClientEndpoint,
    IDatagramClientEndpointStringParser,
    IDatagramServerEndpoint,
    IDatagramServerEndpointStringParser,
)

_T = TypeVar("_T")

_STREAMS: Final[dict[str, type[Endpoint]]] = {
    endpoint.arguments.kind: endpoint
    for endpoint in (TCPServerEndpoint, TLSServerEndpoint, UNIXServerEndpoint)
}
_DATAGRAMS: Final[dict[str, type[Endpoint]]] = {
    endpoint.arguments.kind: endpoint for endpoint in (UDPServerEndpoint,)
}
_CLIENTS: Final[dict[str, type[Endpoint]]] = {
    endpoint.arguments.kind: endpoint
    for endpoint in (TCPClientEndpoint, TLSClientEndpoint, UNIXClientEndpoint)
}
_DATAGRAM_CLIENTS: Final[dict[str, type[Endpoint]]] = {
    endpoint.arguments.kind: endpoint for endpoint in (UDPClientEndpoint,)
}
_SERVERS: Final = {**_STREAMS, **_DATAGRAMS}


def parse(text: str, reactor: Any = None) -> Endpoint:
    r"""Read a string that says where to listen, of a kind that nodenet has.

    Args:
        text: for instance ``tcp:8124:interface=127.0.0.1``, ``unix:/tmp/echo.sock``,
            ``udp:41234``. A colon, an equals sign or a backslash inside a value has a backslash
            before it: ``tcp:8124:interface=\:\:1``.
        reactor: the reactor of the endpoint; by default Twisted's global one, which is not
            imported before the endpoint is used.

    Returns:
        The endpoint; ``parse(str(endpoint)) == endpoint``.

    Raises:
        ERR_INVALID_ARG_TYPE: `text` is no text.
        EndpointStringError: The string means nothing; says where, and what would be right.
    """
    description = cut(text)
    endpoint = _SERVERS.get(description.prefix)
    if endpoint is None:
        raise _unknown(description, _SERVERS)
    return endpoint.fromDescription(description, reactor)


def serverFromString(reactor: Any, text: str) -> IStreamServerEndpoint:
    """Read a string that says where to listen: nodenet's kinds, and all that Twisted knows.

    Args:
        reactor: the reactor of the endpoint.
        text: as for `parse`, or any of Twisted's: ``systemd:…``, ``haproxy:…``. What
            ``udp:`` makes takes a `DatagramProtocol` in `listen`, and no factory.

    Returns:
        The endpoint.

    Raises:
        ERR_INVALID_ARG_TYPE: `text` is no text.
        EndpointStringError: The string means nothing.
    """
    description = cut(text)
    if description.prefix in _SERVERS:
        return cast(IStreamServerEndpoint, parse(text, reactor))
    made: IStreamServerEndpoint = _asked(
        description,
        lambda: twisted.serverFromString(reactor, text),
        lambda: _kinds(_SERVERS, IStreamServerEndpointStringParser),
    )
    return made


def clientFromString(reactor: Any, text: str) -> IStreamClientEndpoint:
    """Read a string that says what to connect to: nodenet's kinds, and all that Twisted knows.

    Args:
        reactor: the reactor of the endpoint.
        text: ``tcp:example.com:80``, ``tls:example.com:443``, ``unix:/tmp/echo.sock``, or any of
            Twisted's.

    Returns:
        The endpoint.

    Raises:
        ERR_INVALID_ARG_TYPE: `text` is no text.
        EndpointStringError: The string means nothing.
    """
    description = cut(text)
    own = _CLIENTS.get(description.prefix.lower())  # Twisted minds no case here, either
    if own is not None:
        return cast(IStreamClientEndpoint, own.fromDescription(description, reactor))
    if description.prefix in _DATAGRAMS:
        raise description.fail(
            0, f"{description.prefix}: is not for connections, but for datagramClientFromString"
        )
    made: IStreamClientEndpoint = _asked(
        description,
        lambda: twisted.clientFromString(reactor, text),
        lambda: _kinds([*_CLIENTS, "ssl"], IStreamClientEndpointStringParserWithReactor),
    )
    return made


def datagramServerFromString(reactor: Any, text: str) -> IDatagramServerEndpoint:
    """Read a string that says where to take datagrams: ``udp:…``, or what plugins offer.

    Args:
        reactor: the reactor of the endpoint.
        text: as for `parse`; or of the prefix of an `IDatagramServerEndpointStringParser`.

    Returns:
        The endpoint.

    Raises:
        ERR_INVALID_ARG_TYPE: `text` is no text.
        EndpointStringError: The string means nothing.
    """
    parser = IDatagramServerEndpointStringParser
    made: IDatagramServerEndpoint = _datagrams(
        text, reactor, _DATAGRAMS, parser, lambda plugin: plugin.parseDatagramServer
    )
    return made


def datagramClientFromString(reactor: Any, text: str) -> IDatagramClientEndpoint:
    """Read a string that says whom to exchange datagrams with: ``udp:HOST:PORT``, or of a plugin.

    Args:
        reactor: the reactor of the endpoint.
        text: ``udp:127.0.0.1:53``; or of the prefix of an `IDatagramClientEndpointStringParser`.

    Returns:
        The endpoint.

    Raises:
        ERR_INVALID_ARG_TYPE: `text` is no text.
        EndpointStringError: The string means nothing.
    """
    parser = IDatagramClientEndpointStringParser
    made: IDatagramClientEndpoint = _datagrams(
        text, reactor, _DATAGRAM_CLIENTS, parser, lambda plugin: plugin.parseDatagramClient
    )
    return made


def _datagrams(
    text: str,
    reactor: Any,
    own: Mapping[str, type[Endpoint]],
    kind: Any,
    reads: Callable[[Any], Callable[..., Any]],
) -> Any:
    """Read a string by nodenet's `own` endpoints, or by the method `reads` of a plugin."""
    description = cut(text)
    if description.prefix in own:
        return own[description.prefix].fromDescription(description, reactor)
    read = reads(_plugin(description, kind, own))
    positional, named = _given(description)
    return _asked(description, lambda: read(reactor, *positional, **named))


def _plugin(description: Description, kind: Any, own: Iterable[str]) -> Any:
    """The plugin for the prefix of a string."""
    plugins = {plugin.prefix: plugin for plugin in getPlugins(kind)}
    if description.prefix not in plugins:
        raise _unknown(description, {**dict.fromkeys(own), **plugins})
    return plugins[description.prefix]


def _given(description: Description) -> tuple[list[str], dict[str, str]]:
    """Arguments as plugins are called with them: by place, and by name."""
    positional = [found.value for found in description.arguments if found.name is None]
    named = {found.name: found.value for found in description.arguments if found.name is not None}
    return positional, named


def _asked(
    description: Description,
    ask: Callable[[], _T],
    kinds: Callable[[], Iterable[str]] | None = None,
) -> _T:
    """What somebody else's parser makes of a string; its errors become ours.

    Args:
        description: The string.
        ask: Asks.
        kinds: All kinds that there are, if that somebody may not know one.
    """
    try:
        return ask()
    except Exception as error:  # they raise whatever their constructors raise
        if kinds is not None and description.prefix not in (known := [*kinds()]):
            raise _unknown(description, known) from error
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise description.fail(0, reason) from error


def _kinds(own: Iterable[str], parsers: Any) -> Iterable[str]:
    """The kinds of nodenet's and those of plugins."""
    return dict.fromkeys([*own, *(plugin.prefix for plugin in getPlugins(parsers))])


def _unknown(description: Description, known: Iterable[str]) -> Exception:
    close = get_close_matches(description.prefix.strip().lower(), known, 1)
    kinds = ", ".join(f"{kind}:" for kind in known)
    hint = f"did you mean {close[0]}?" if close else f"there are {kinds}"
    return description.fail(0, f"there is no kind {description.prefix!r}; {hint}")
