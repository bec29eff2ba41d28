"""Node's `net` module: TCP and Unix sockets, servers, block lists.

Law: this module has the names of Node's, and nothing else.

- `nodenet.net.socket`: `Socket`; `nodenet.net.server`: `Server`
- `nodenet.addresses`: `BlockList`, `SocketAddress`, `isIP`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nodenet.addresses import BlockList, SocketAddress, isIP, isIPv4, isIPv6
from nodenet.net._address import AddressInfo, DropInfo
from nodenet.net._arguments import normalizeArguments
from nodenet.net._defaults import (
    getDefaultAutoSelectFamily,
    getDefaultAutoSelectFamilyAttemptTimeout,
    setDefaultAutoSelectFamily,
    setDefaultAutoSelectFamilyAttemptTimeout,
)
from nodenet.net._factory import NodeFactory
from nodenet.net._options import ConnectOptions, FactoryOptions, SocketOptions, isTrue
from nodenet.net.server import Server
from nodenet.net.socket import Socket
from nodenet.options import declarations

Stream = Socket

__all__ = [
    "AddressInfo",
    "BlockList",
    "DropInfo",
    "NodeFactory",
    "Server",
    "Socket",
    "SocketAddress",
    "Stream",
    "connect",
    "createConnection",
    "createServer",
    "getDefaultAutoSelectFamily",
    "getDefaultAutoSelectFamilyAttemptTimeout",
    "isIP",
    "isIPv4",
    "isIPv6",
    "setDefaultAutoSelectFamily",
    "setDefaultAutoSelectFamilyAttemptTimeout",
]


def createServer(
    options: Mapping[str, Any] | Callable[[Socket], object] | None = None,
    connectionListener: Callable[[Socket], object] | None = None,
    *,
    reactor: Any = None,
    **keywords: Any,
) -> Server:
    """Make a `Server`; the arguments are those of `Server`.

    Mirrors: "net.createServer([options][, connectionListener])".
    """
    return Server(options, connectionListener, reactor=reactor, **keywords)


def createConnection(*args: Any, reactor: Any = None, **keywords: Any) -> Socket:
    """Make a `Socket` and connect it: ``(port[, host])``, ``(path)`` or ``(options)``.

    Each form takes a listener of ``'connect'`` as its last argument.

    Args:
        args: As above; `options` are those of `Socket`, those of `Socket.connect`, and `timeout`.
        reactor: The Twisted reactor; the global one when left out.
        keywords: Options by name.

    Raises:
        ERR_MISSING_ARGS: Neither a port nor a path was given; and what both functions raise.

    Mirrors: "net.createConnection()".
    """
    options, listener = normalizeArguments(args, keywords)
    _refuse_unknown(keywords)
    socket = Socket(options, reactor=reactor)
    timeout: Any = options.get("timeout")
    if isTrue(timeout):
        socket.setTimeout(timeout)
    return socket.connect(options, *(() if listener is None else (listener,)))


connect = createConnection


def _refuse_unknown(keywords: Mapping[str, Any]) -> None:
    known = {
        name
        for declaration in (SocketOptions, ConnectOptions, FactoryOptions)
        for name in declarations(declaration)
    }
    for name in keywords:
        if name not in known:
            raise TypeError(f"{name!r} is no option of createConnection")
