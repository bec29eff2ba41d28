"""TCP descriptors: options, addresses, how they are opened.

Law: a raw address is resolved before it comes here; nothing in this file blocks.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ITCPTransport, ITLSTransport
from zope.interface import classImplements, implementer

from nodenet.interfaces import IStreamLink
from nodenet.loop import Poller
from nodenet.transports.tls import SecurableTransport

# What Node sets beside the delay that it is told.
KEEP_ALIVE_INTERVAL: Final = 1
KEEP_ALIVE_COUNT: Final = 10


@implementer(ITCPTransport, IStreamLink)
class TCPTransport(SecurableTransport):
    """A TCP connection."""

    _destination: tuple[Any, ...] | None = None

    @classmethod
    def open(cls, poller: Poller, family: int) -> TCPTransport:
        """An unconnected one, for :meth:`connect`."""
        return cls(poller, socket.socket(family, socket.SOCK_STREAM))

    def bind(self, address: Any) -> None:
        """Bind the local end before connecting.

        Raises:
            OSError: As the kernel words it.
        """
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._socket.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._socket.bind(address)

    def connect(self, address: Any, connected: Callable[[OSError | None], object]) -> None:
        self._destination = address
        super().connect(address, connected)

    # -- tuning -----------------------------------------------------------------------------

    def setNoDelay(self, noDelay: bool) -> None:
        """Switch Nagle's algorithm off (True) or on."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, noDelay)

    def setKeepAlive(self, enable: bool, delay: int) -> None:
        """Probe an idle peer after `delay` seconds (0: as the kernel is configured)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enable)
        if enable and delay:
            self._set_keep_alive_delay(delay)

    def tune(self, apply: Callable[[socket.socket, Any], object], value: Any) -> None:
        """Call ``apply(socket, value)``: for settings that have no method here."""
        apply(self._socket, value)

    def getTcpNoDelay(self) -> bool:
        return bool(self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.setNoDelay(bool(enabled))

    def getTcpKeepAlive(self) -> bool:
        return bool(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, bool(enabled))

    def _set_keep_alive_delay(self, delay: int) -> None:
        option = self._socket.setsockopt
        try:
            option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, delay)
        except OSError as refused:
            if refused.errno != errno.EINVAL:
                raise
            return  # out of the kernel's range: as in Node what was set before stays
        option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_INTERVAL)
        option(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEP_ALIVE_COUNT)

    # -- addresses --------------------------------------------------------------------------

    def localAddress(self) -> tuple[Any, ...] | None:
        """The raw local address, None when closed."""
        try:
            return tuple(self._socket.getsockname())
        except OSError:
            return None

    def remoteAddress(self) -> tuple[Any, ...] | None:
        """The raw peer address, None when not connected (any more)."""
        try:
            return tuple(self._socket.getpeername())
        except OSError:
            return None

    def getHost(self) -> IPv4Address | IPv6Address:
        return cast(IPv4Address | IPv6Address, super().getHost())

    def getPeer(self) -> IPv4Address | IPv6Address:
        return cast(IPv4Address | IPv6Address, super().getPeer())

    def _host_address(self) -> IPv4Address | IPv6Address:
        return twistedAddress(self._socket.getsockname())

    def _peer_address(self) -> IPv4Address | IPv6Address:
        try:
            return twistedAddress(self._socket.getpeername())
        except OSError:
            if self._destination is None:
                raise
            return twistedAddress(self._destination)  # the peer has reset: reading will tell

    def describe(self) -> str:
        if not self._open:
            return "closed"
        return f"{_text(self.localAddress())} - {_text(self.remoteAddress())}"


# TLS is there when pyOpenSSL is; protocols ask for the interface.
if find_spec("OpenSSL") is not None:
    classImplements(TCPTransport, ITLSTransport)


def listen(address: Any, backlog: int, *, ipv6Only: bool, reusePort: bool) -> socket.socket:
    """A listening TCP socket on the raw `address` (4-tuple: IPv6).

    Raises:
        OSError: As the kernel words it; nothing is left open then.
    """
    skt = socket.socket(socket.AF_INET6 if len(address) > 2 else socket.AF_INET)
    try:
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reusePort:
            skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if skt.family == socket.AF_INET6:
            skt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, ipv6Only)
        skt.bind(address)
        skt.listen(backlog)
    except OSError:
        skt.close()
        raise
    return skt


def twistedAddress(raw: Any) -> IPv4Address | IPv6Address:
    """The form that Twisted's protocols and factories know."""
    if len(raw) == 2:
        return IPv4Address("TCP", *raw)
    host, port, flow, scope = raw
    if scope and "%" not in host:
        host = f"{host}%{socket.if_indextoname(scope)}"
    return IPv6Address("TCP", host, port, flow, scope)


def _text(raw: tuple[Any, ...] | None) -> str:
    if raw is None:
        return "?"
    return f"[{raw[0]}]:{raw[1]}" if len(raw) > 2 else f"{raw[0]}:{raw[1]}"
