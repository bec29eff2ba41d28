"""Takes a connected transport from its protocol, for a socket.

Law: from then on the transport tells the link, and its protocol nothing more.
"""

from __future__ import annotations

from typing import Any

from twisted.protocols.policies import ProtocolWrapper

from nodenet.loop import Poller, pollerOf
from nodenet.net._capabilities import isChannel
from nodenet.net._foreign import StreamLink, linkOf
from nodenet.net._link import Link


def linkTo(transport: Any, reactor: Any) -> tuple[Link, Poller]:
    """The link for a connected `transport`, and its Poller; it takes the place of its protocol."""
    own = linkOf(transport)
    if own is not None:
        return own, transport.poller
    poller = pollerOf(reactor)
    link = StreamLink(poller)
    if isChannel(transport):
        _hear_channel(transport, link)
    elif isinstance(transport, ProtocolWrapper):
        transport.wrappedProtocol = link
    else:
        transport.protocol = link
    link.makeConnection(transport)
    return link, poller


def _hear_channel(channel: Any, link: StreamLink) -> None:
    """Channels have no protocol: they are told of bytes and of the end themselves."""
    channel.dataReceived = link.dataReceived
    channel.closed = link.connectionLost
