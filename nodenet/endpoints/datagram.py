"""Endpoints that take datagrams.

Law: what they take is what `dgram.createSocket` and `bind` take.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar

from nodenet import dgram
from nodenet.addresses import isIPv6
from nodenet.dgram._bind import adopted, prepare
from nodenet.dgram._options import BindOptions, SocketOptions
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._resolve import resolved
from nodenet.endpoints._spellings import PORT
from nodenet.errors import systemError
from nodenet.options import NUMBER, TEXT, declarations, resolve
from nodenet.transports.udp_address import destination


class DatagramArguments(SocketOptions, BindOptions, total=False):
    """What the string of a datagram endpoint may hold."""


_SOCKET = frozenset(declarations(SocketOptions)) - {"type"}
_ANYWHERE = {"udp4": "0.0.0.0", "udp6": "::"}


class UDPServerEndpoint(Endpoint):
    """``udp:PORT``: a UDP socket.

    It is one of IPv6 when its address is one, or when it has ``type=udp6``.

    >>> str(UDPServerEndpoint(port=41234, address="127.0.0.1"))
    'udp:41234:interface=127.0.0.1'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "udp",
        DatagramArguments,
        first={"port": PORT},
        also={"type": TEXT, "fd": NUMBER},
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

    def _bind(self) -> socket.socket:
        """Open the socket."""
        if "fd" in self._options:
            return adopted(self._options["fd"])
        family = socket.AF_INET6 if self.type == "udp6" else socket.AF_INET
        port = self._options["port"]
        address = resolved(self._options.get("address"), family) or _ANYWHERE[self.type]
        skt = socket.socket(family, socket.SOCK_DGRAM)
        try:
            prepare(skt, resolve(SocketOptions, {**self._options, "type": self.type}, {}))
            skt.bind(destination(address, port, family).raw)
        except OSError as error:
            skt.close()
            raise systemError(error, "bind", address, port) from None
        return skt
