"""From an endpoint string to an endpoint.

Law: ``tcp:``, ``unix:`` and ``udp:`` are nodenet's here; whatever else there is, Twisted parses.
A string that nobody understands is an `EndpointStringError` and nothing else.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final

from twisted.internet import endpoints
from twisted.internet.interfaces import IStreamServerEndpoint

from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._syntax import Description, cut
from nodenet.endpoints.datagram import UDPServerEndpoint
from nodenet.endpoints.stream import TCPServerEndpoint, UNIXServerEndpoint

_SERVERS: Final[dict[str, type[Endpoint]]] = {
    endpoint.arguments.kind: endpoint
    for endpoint in (TCPServerEndpoint, UNIXServerEndpoint, UDPServerEndpoint)
}


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
        EndpointStringError: The string means nothing; says where, and what would be right.
    """
    description = cut(text)
    endpoint = _SERVERS.get(description.prefix)
    if endpoint is None:
        close = get_close_matches(description.prefix, _SERVERS, 1)
        kinds = ", ".join(f"{kind}:" for kind in _SERVERS)
        hint = f"did you mean {close[0]}?" if close else f"there are {kinds}"
        raise description.fail(0, f"there is no kind {description.prefix!r}; {hint}")
    return endpoint.fromDescription(description, reactor)


def serverFromString(reactor: Any, text: str) -> IStreamServerEndpoint:
    """Read a string that says where to listen: nodenet's kinds, and all that Twisted knows.

    Args:
        reactor: the reactor of the endpoint.
        text: as for `parse`, or any of Twisted's: ``ssl:...``, ``systemd:...``, ``haproxy:...``.

    Returns:
        The endpoint.

    Raises:
        EndpointStringError: The string means nothing.
    """
    description = cut(text)
    if description.prefix in _SERVERS:
        return parse(text, reactor)
    return _twisted(reactor, description)


def _twisted(reactor: Any, description: Description) -> Any:
    try:
        return endpoints.serverFromString(reactor, description.text)
    except Exception as error:
        # Its parsers and plugins raise whatever their constructors raise.
        raise description.fail(0, f"{error}") from error
