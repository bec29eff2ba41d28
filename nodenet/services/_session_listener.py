"""The UDP socket of a relay that clients know.

Law: an answer leaves by the address that was asked, or not at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from nodenet import dgram
from nodenet.addresses import isIPv6
from nodenet.endpoints import UDPServerEndpoint
from nodenet.services._listener import DatagramListener, Listener
from nodenet.services.counters import Counted, Counters

_UNSENT: Final = 1 << 20  # bytes that may wait to leave
_ANYWHERE: Final = frozenset({None, "", "0.0.0.0", "::"})

Message = Callable[["SessionListener", bytes, Any], object]


class SessionListener(DatagramListener):
    """The UDP socket that clients know.

    Args:
        endpoint: Where to listen.
        message, failed, news, counters: As for `DatagramListener`.
        closing: Called with this when it is about to be closed.
    """

    def __init__(
        self,
        endpoint: UDPServerEndpoint,
        message: Message,
        failed: Callable[[Listener, Exception], object],
        news: Callable[[], object],
        counters: Counters,
        closing: Callable[[SessionListener], object],
    ) -> None:
        self._closing = closing
        how = (failed, news, counters)
        super().__init__(_detailed(endpoint), message, *how)  # type: ignore[arg-type]

    def destroy(self) -> None:
        if self._open:
            self._closing(self)
        super().destroy()

    def isItself(self, peer: Any) -> bool:
        """Whether a sender is said to be this very socket."""
        return peer.port == self._port and peer.address in (self._address, addressAsked(peer))

    def reply(self, data: bytes, peer: Any) -> bool:
        """Send to a client, from the address that it has sent to; False: there is no room."""
        if not self._open or self.socket.getSendQueueSize() > _UNSENT:
            return False
        self.tally.datagramsSent += 1
        self.tally.sentBytes += len(data)
        source = addressAsked(peer)
        if source is None:
            self.socket.send(data, peer.port, peer.address)
        else:
            self.socket.send(data, peer.port, peer.address, fromAddress=source)
        return True

    def _bound(self) -> None:
        super()._bound()
        bound = self.socket.address()
        assert not isinstance(bound, str)
        self._address, self._port = bound.address, bound.port
        self._counters.tally(str(self), Counted.CONNECTIONS)


def _detailed(endpoint: UDPServerEndpoint) -> UDPServerEndpoint:
    """On a host with several addresses: one that tells which of them was asked."""
    if endpoint.options.get("address") not in _ANYWHERE or sys.platform != "linux":
        return endpoint
    return UDPServerEndpoint(endpoint._reactor, **{**endpoint.options, "packetInfo": True})


def addressAsked(peer: Any) -> str | None:
    """The address that a datagram was sent to, if it is one to answer from."""
    if not isinstance(peer, dgram.PacketInfo) or not peer.localAddress:
        return None
    local = peer.localAddress.lower()
    if not isIPv6(local):
        return local  # of a broadcast, too, the kernel tells the address of the interface
    if local.startswith("ff"):
        return None
    return f"{local}%{peer.localInterface}" if local.startswith("fe80:") else local
