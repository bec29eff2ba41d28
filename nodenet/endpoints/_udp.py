"""What endpoints for datagrams have in common: the socket, and what runs on it.

Law: a socket that is handed on has all options set on it; what fails leaves nothing open.
"""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Final

from twisted.internet.interfaces import IProtocolFactory

from nodenet import dgram
from nodenet.addresses import isIPv6
from nodenet.dgram._bind import prepare
from nodenet.dgram._options import (
    BlockOptions,
    BufferOptions,
    DetailOptions,
    QueueOptions,
    SocketOptions,
)
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._multicast import BoundOptions, equip
from nodenet.endpoints._resolve import resolved
from nodenet.errors import systemError
from nodenet.options import applyOptions, declarations, resolve
from nodenet.transports.udp_address import destination
from nodenet.transports.udp_filter import FilteringUDPPort
from nodenet.transports.udp_port import UDPPort

SOCKET: Final = frozenset(declarations(SocketOptions)) - {"type"}
_BLOCK_LISTS: Final = frozenset(declarations(BlockOptions))
_OF_PORTS: Final = _BLOCK_LISTS | frozenset(declarations(QueueOptions))
ANYWHERE: Final = {"udp4": "0.0.0.0", "udp6": "::"}
FAMILIES: Final = {"udp4": socket.AF_INET, "udp6": socket.AF_INET6}
_UNHEARD: Final = "is for sockets of Node's kind: protocols of Twisted's have no word for it"


class UDPEndpoint(Endpoint):
    """An endpoint with a UDP socket."""

    host: ClassVar[str]
    """The option that names an address of its family."""

    @property
    def type(self) -> str:
        """``'udp4'`` or ``'udp6'``."""
        kind: str | None = self._options.get("type")
        return kind or ("udp6" if isIPv6(self._options.get(self.host, "")) else "udp4")

    @abstractmethod
    def _open(self) -> socket.socket:
        """Get the socket, bound."""

    def _opened(self, port: int, host: str | None) -> socket.socket:
        """A new one."""
        family = FAMILIES[self.type]
        address = resolved(host, family) or ANYWHERE[self.type]
        skt = None
        try:
            skt = socket.socket(family, socket.SOCK_DGRAM)
            prepare(skt, resolve(SocketOptions, {**self._options, "type": self.type}, {}))
            skt.bind(destination(address, port, family).raw)
        except OSError as error:
            if skt is not None:
                skt.close()
            raise systemError(error, "bind", address, port) from None
        return skt

    def _bind(self) -> socket.socket:
        """Get the socket, with all that can be set on it."""
        skt = self._open()
        try:
            applyOptions(BufferOptions, resolve(BufferOptions, self._options, {}), skt)
            equip(skt, resolve(BoundOptions, self._options, {}))
        except OSError as error:
            skt.close()
            raise systemError(error, "setsockopt") from None
        return skt

    def _socket(
        self,
        skt: socket.socket,
        listener: Callable[..., Any] | None,
        lookup: Callable[..., object] | None = None,
    ) -> dgram.Socket:
        """One of Node's kind."""
        kind = "udp6" if skt.family == socket.AF_INET6 else "udp4"
        return self._unbound(kind, listener, lookup).bind({"fd": skt.detach(), "exclusive": True})

    def _unbound(
        self,
        kind: str,
        listener: Callable[..., Any] | None,
        lookup: Callable[..., object] | None = None,
    ) -> dgram.Socket:
        options = {**self._only(SOCKET), "type": kind, "lookup": lookup}
        return dgram.createSocket(options, listener, reactor=self._reactor)

    def _check(self, protocol: Any) -> None:
        """Refuse what cannot run on one, and options that it could not hear of."""
        if IProtocolFactory.providedBy(protocol):
            raise TypeError(
                f"a udp endpoint runs one DatagramProtocol, not the protocols of {protocol!r}"
            )
        for name in declarations(DetailOptions):
            self._refuse(name, _UNHEARD)

    def _port(self, protocol: Any, peer: tuple[str, int] | None = None) -> UDPPort:
        """One of Twisted's, started."""
        kind = FilteringUDPPort if self._only(_BLOCK_LISTS) else UDPPort
        port = kind(protocol, 0, bound=self._bind(), peer=peer, reactor=self._reactor)
        for name, value in self._only(_OF_PORTS).items():
            setattr(port, name, value)
        port.startListening()
        return port
