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
from nodenet.dgram._arguments import bindRequest
from nodenet.dgram._bind import adopted, placeOf
from nodenet.dgram._families import FAMILIES as DGRAM_FAMILIES
from nodenet.dgram._options import BindOptions, SharingOptions, SocketOptions
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._multicast import BoundOptions
from nodenet.endpoints._resolve import resolved
from nodenet.endpoints._systemd import ActivationOptions, activated, descriptorOf
from nodenet.endpoints._udp import ANYWHERE, FAMILIES, SOCKET, UDPEndpoint
from nodenet.interfaces import IDatagramServerEndpoint, INodeDatagramEndpoint
from nodenet.loop import pollerOf
from nodenet.options import declarations, resolve
from nodenet.transports.source import Place, sourceOf


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
        adopting=("fd", *declarations(ActivationOptions)),
        opening=("address", *declarations(SharingOptions)),
    )

    host: ClassVar[str] = "address"

    def serve(self, listener: Callable[[bytes, Any], Any]) -> dgram.Socket:
        """Make the socket that this endpoint describes, and bind it.

        Args:
            listener: called with the bytes and the sender of each datagram.

        Returns:
            The socket, bound. In a worker of a cluster it asks the primary, unless it has
            `reusePort`: it is bound when `'listening'` comes, and not when `'error'` does.

        Raises:
            OSError: The system refused, in Node's words.
        """
        place = None if sourceOf(pollerOf(self._reactor)) is None else self.place()
        if place is None:
            return self._socket(self._bind(), listener)
        made = self._unbound(self.type, listener)
        return made.bind({"port": place.port, "address": place.address, "fd": place.fd})

    def place(self) -> Place | None:
        """What the workers of a cluster ask their primary for; None: each binds itself.

        Raises:
            OSError: There is no such host, no such socket of systemd's.
        """
        options = self._options
        if options.get("reusePort") or options.get("exclusive"):
            return None
        fd = options.get("fd")
        if "systemd" in options:
            fd = descriptorOf(options["systemd"])
        address = resolved(options.get("address"), FAMILIES[self.type])
        given = {"port": options.get("port", 0), "address": address, "fd": fd}
        socket_options = resolve(SocketOptions, {**self._only(SOCKET), "type": self.type}, {})
        request = bindRequest(DGRAM_FAMILIES[self.type], given, None, None, False, None)
        return placeOf(socket_options, request, address or ANYWHERE[self.type])

    def bound(self) -> socket.socket:
        """The socket for those who ask for `place`, with all that is set on it.

        Raises:
            OSError: The system refused, in Node's words.
        """
        return self._bind()

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
