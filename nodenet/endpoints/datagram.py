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
from nodenet.endpoints._systemd import ActivationOptions, activated
from nodenet.errors import systemError
from nodenet.interfaces import IDatagramServerEndpoint, INodeDatagramEndpoint
from nodenet.options import declarations, resolve
from nodenet.transports.udp_address import destination
from nodenet.transports.udp_filter import FilteringUDPPort
from nodenet.transports.udp_port import UDPPort


class DatagramArguments(SocketOptions, BindOptions, BoundOptions, ActivationOptions, total=False):
    """What the string of a datagram endpoint may hold."""


_SOCKET = frozenset(declarations(SocketOptions)) - {"type"}
_BLOCK_LISTS = frozenset({"receiveBlockList", "sendBlockList"})
_OF_PORTS = _BLOCK_LISTS | {"sendQueueLimit", "segmentation"}
_BUFFERS = {"recvBufferSize": socket.SO_RCVBUF, "sendBufferSize": socket.SO_SNDBUF}
_ANYWHERE = {"udp4": "0.0.0.0", "udp6": "::"}
_FAMILIES = {"udp4": socket.AF_INET, "udp6": socket.AF_INET6}
_UNHEARD = "is for sockets of Node's kind: protocols of Twisted's have no word for it"


@implementer(IDatagramServerEndpoint, INodeDatagramEndpoint)
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
        adopting=("fd", "systemd"),
        opening=("address", "reuseAddr", "reusePort", "ipv6Only"),
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
        skt = self._bind()
        kind = "udp6" if skt.family == socket.AF_INET6 else "udp4"
        options = {**self._only(_SOCKET), "type": kind}
        made = dgram.createSocket(options, listener, reactor=self._reactor)
        return made.bind({"fd": skt.detach()})

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
        if IProtocolFactory.providedBy(protocol):
            raise TypeError(
                f"a udp endpoint runs one DatagramProtocol, not the protocols of {protocol!r}"
            )
        for name in ("packetInfo", "networkErrors"):
            self._refuse(name, _UNHEARD)
        kind = FilteringUDPPort if self._only(_BLOCK_LISTS) else UDPPort
        port = kind(protocol, 0, bound=self._bind(), reactor=self._reactor)
        for name, value in self._only(_OF_PORTS).items():
            setattr(port, name, value)
        port.startListening()
        return port

    def _bind(self) -> socket.socket:
        """Get the socket, with all that can be set on it."""
        skt = self._adopted() or self._open()
        try:
            for name, option in _BUFFERS.items():
                if name in self._options:
                    skt.setsockopt(socket.SOL_SOCKET, option, self._options[name])
            equip(skt, resolve(BoundOptions, self._options, {}))
        except OSError as error:
            skt.close()
            raise systemError(error, "setsockopt") from None
        return skt

    def _adopted(self) -> socket.socket | None:
        """A socket that somebody else has opened, when this endpoint is about one."""
        if "systemd" in self._options:
            return activated(self._options["systemd"], "udp", socket.SOCK_DGRAM, self._families)
        if "fd" in self._options:
            return adopted(self._options["fd"])
        return None

    @property
    def _families(self) -> set[int]:
        """Those that an adopted socket may have."""
        return {_FAMILIES[self.type]} if "type" in self._options else {*_FAMILIES.values()}

    def _open(self) -> socket.socket:
        port, family = self._options["port"], _FAMILIES[self.type]
        address = resolved(self._options.get("address"), family) or _ANYWHERE[self.type]
        skt = socket.socket(family, socket.SOCK_DGRAM)
        try:
            prepare(skt, resolve(SocketOptions, {**self._options, "type": self.type}, {}))
            skt.bind(destination(address, port, family).raw)
        except OSError as error:
            skt.close()
            raise systemError(error, "bind", address, port) from None
        return skt
