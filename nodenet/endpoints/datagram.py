"""Endpoints that take datagrams.

Law: what they take is what `dgram.createSocket` and `bind` take, and `BoundOptions`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from nodenet import dgram
from nodenet.addresses import isIPv6
from nodenet.dgram._bind import adopted, prepare
from nodenet.dgram._options import BindOptions, SocketOptions
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._multicast import BoundOptions, equip
from nodenet.endpoints._resolve import resolved
from nodenet.errors import systemError
from nodenet.interfaces import IDatagramServerEndpoint
from nodenet.options import declarations, resolve
from nodenet.transports.udp_address import destination
from nodenet.transports.udp_port import listenUDP


class DatagramArguments(SocketOptions, BindOptions, BoundOptions, total=False):
    """What the string of a datagram endpoint may hold."""


_SOCKET = frozenset(declarations(SocketOptions)) - {"type"}
_AS_IN_TWISTED = frozenset({"reuseAddr", "reusePort", "ipv6Only"})
_BUFFERS = {"recvBufferSize": socket.SO_RCVBUF, "sendBufferSize": socket.SO_SNDBUF}
_ANYWHERE = {"udp4": "0.0.0.0", "udp6": "::"}


@implementer(IDatagramServerEndpoint)
class UDPServerEndpoint(Endpoint):
    """``udp:PORT``: a UDP socket.

    It is one of IPv6 when its address is one, or when it has ``type=udp6``.

    >>> str(UDPServerEndpoint(port=41234, address="127.0.0.1"))
    'udp:41234:interface=127.0.0.1'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "udp",
        DatagramArguments,
        first=("port",),
        places=("port", "fd"),
    )

    @property
    def type(self) -> str:
        """``'udp4'`` or ``'udp6'``."""
        kind: str | None = self._options.get("type")
        return kind or ("udp6" if isIPv6(self._options.get("address", "")) else "udp4")

    def serve(self, listener: Callable[[bytes, Any], Any]) -> dgram.Socket:
        """Make the socket that this endpoint describes, and bind it.

        Args:
            listener: called with the bytes and the sender of each datagram.

        Returns:
            The socket, bound.

        Raises:
            OSError: The system refused, in Node's words.
        """
        options = {**self._only(_SOCKET), "type": self.type}
        made = dgram.createSocket(options, listener, reactor=self._reactor)
        return made.bind({"fd": self._bind().detach()})

    def listen(self, protocol: DatagramProtocol) -> Deferred[IListeningPort]:
        """Run a Twisted protocol on this endpoint, on nodenet's transport.

        Args:
            protocol: a `DatagramProtocol`. A factory is refused: UDP has no connections, for
                each of which one could make a protocol.

        Returns:
            A Deferred, fired already: the port, or what went wrong.
        """
        return execute(self._listen, protocol)

    def _listen(self, protocol: DatagramProtocol) -> IListeningPort:
        if IProtocolFactory.providedBy(protocol):
            raise TypeError(
                f"a udp endpoint runs one DatagramProtocol, not the protocols of {protocol!r}"
            )
        if "fd" in self._options:
            raise ValueError(f"{self}: fd is for sockets of Node's kind")
        port = listenUDP(
            self._options["port"],
            protocol,
            resolved(self._options.get("address"), self._family) or _ANYWHERE[self.type],
            reactor=self._reactor,
            **self._only(_AS_IN_TWISTED),
        )
        try:
            for name, option in _BUFFERS.items():
                if name in self._options:
                    port.getHandle().setsockopt(socket.SOL_SOCKET, option, self._options[name])
            equip(port.getHandle(), self._bound_options)
        except OSError as error:
            port.stopListening()
            raise systemError(error, "setsockopt") from None
        return port

    @property
    def _bound_options(self) -> dict[str, Any]:
        return resolve(BoundOptions, self._options, {})

    @property
    def _family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if self.type == "udp6" else socket.AF_INET

    def _bind(self) -> socket.socket:
        """Open the socket."""
        if "fd" in self._options:
            return adopted(self._options["fd"])
        port, family = self._options["port"], self._family
        address = resolved(self._options.get("address"), family) or _ANYWHERE[self.type]
        skt = socket.socket(family, socket.SOCK_DGRAM)
        try:
            prepare(skt, resolve(SocketOptions, {**self._options, "type": self.type}, {}))
            skt.bind(destination(address, port, family).raw)
            equip(skt, self._bound_options)
        except OSError as error:
            skt.close()
            raise systemError(error, "bind", address, port) from None
        return skt
