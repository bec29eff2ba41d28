"""UDP sockets: Node's ``dgram`` module.

Law: a socket never gives up on its own. What the network reports is an event; `close` is the end.

- `createSocket` makes a `Socket`
- `DatagramLink` puts one on any Twisted UDP transport
- `_options`, `_arguments`: what may be written in a call
- `_tuning`, `_life`, `_binding`, `socket`: a `Socket`'s settings, its life, how it is bound, its
  traffic
- `_receiver`: from the descriptor to the listeners of `'message'`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nodenet.dgram._addresses import AddressInfo, PacketInfo, RemoteInfo
from nodenet.dgram._link import DatagramLink
from nodenet.dgram._messages import Messages
from nodenet.dgram._options import BindOptions, SocketOptions
from nodenet.dgram.socket import Socket

__all__ = [
    "AddressInfo",
    "BindOptions",
    "DatagramLink",
    "Messages",
    "PacketInfo",
    "RemoteInfo",
    "Socket",
    "SocketOptions",
    "createSocket",
]


def createSocket(
    type: str | Mapping[str, Any] | None = None,
    callback: Callable[..., object] | None = None,
    *,
    reactor: Any = None,
    **keywords: Any,
) -> Socket:
    """Make a datagram socket (``dgram.createSocket``).

    Args:
        type: ``'udp4'`` or ``'udp6'``, or a mapping of `SocketOptions`.
        callback: A listener of `'message'`.
        reactor: The reactor; by default Twisted's global one.
        keywords: `SocketOptions`.

    Raises:
        ERR_SOCKET_BAD_TYPE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: An option is wrong.
    """
    return Socket(type, callback, reactor=reactor, **keywords)
