"""Endpoints that take datagrams.

Law: what they take is what `dgram.createSocket` and `bind` take, and `BoundOptions`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from nodenet import dgram
from nodenet.dgram._bind import adopted
from nodenet.dgram._options import BindOptions, SocketOptions
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._multicast import BoundOptions
from nodenet.endpoints._systemd import ActivationOptions, activated
from nodenet.endpoints._udp import FAMILIES, UDPEndpoint
from nodenet.interfaces import IDatagramServerEndpoint, INodeDatagramEndpoint


class DatagramArguments(SocketOptions, BindOptions, BoundOptions, ActivationOptions, total=False):
    """What the string of a datagram endpoint may hold."""


@implementer(IDatagramServerEndpoint, INodeDatagramEndpoint)
class UDPServerEndpoint(UDPEndpoint):
    """``udp:PORT``: a UDP socket.

    It is one of IPv6 when its address is one, or when it has ``type=udp6``.

    >>> str(UDPServerEndpoint(port=41234, address="127.0.0.1"))
    'udp:41234:interface=127.0.0.1'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "udp",
        DatagramArguments,
        first=("port",),
        adopting=("fd", "systemd"),
        opening=("address", "reuseAddr", "reusePort", "ipv6Only"),
    )

    host: ClassVar[str] = "address"

    def serve(self, listener: Callable[[bytes, Any], Any]) -> dgram.Socket:
        """Make the socket that this endpoint describes, and bind it.

        Args:
            listener: called with the bytes and the sender of each datagram.

        Returns:
            The socket, bound.

        Raises:
            OSError: The system refused, in Node's words.
        """
        return self._socket(self._bind(), listener)

    def listen(self, protocol: DatagramProtocol) -> Deferred[IListeningPort]:
        """Run a Twisted protocol on this endpoint, on nodenet's transport.

        Args:
            protocol: a `DatagramProtocol`. A factory is refused: UDP has no connections, for
                each of which one could make a protocol.

        Returns:
            A Deferred, fired already: the port; or what went wrong, `ERR_INVALID_ARG_VALUE` for
            `packetInfo` and `networkErrors`, of which such a protocol could not hear.
        """
        return execute(self._listen, protocol)

    def _listen(self, protocol: DatagramProtocol) -> IListeningPort:
        self._check(protocol)
        return self._port(protocol)

    def _open(self) -> socket.socket:
        if "systemd" in self._options:
            return activated(self._options["systemd"], "udp", socket.SOCK_DGRAM, self._families)
        if "fd" in self._options:
            return adopted(self._options["fd"])
        return self._opened(self._options["port"], self._options.get("address"))

    @property
    def _families(self) -> set[int]:
        """Those that a socket of systemd's may have."""
        return {FAMILIES[self.type]} if "type" in self._options else {*FAMILIES.values()}
