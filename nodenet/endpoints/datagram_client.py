"""Endpoints that send datagrams to one peer, and hear it alone.

Law: what they take is what `dgram.createSocket` takes, where to send from, and `BoundOptions`; the
socket is connected before a protocol or a listener hears of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar, Final, TypedDict

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet import dgram, dns
from nodenet.addresses import isIP
from nodenet.dgram._options import SocketOptions
from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._multicast import BoundOptions
from nodenet.endpoints._udp import UDPEndpoint
from nodenet.errors import ERR_INVALID_IP_ADDRESS
from nodenet.interfaces import IDatagramClientEndpoint
from nodenet.loop import pollerOf
from nodenet.options import HOST, PORT, TEXT, Option, checkPort, checkString

_NOT_TO_SEND: Final = frozenset({"ipv6Only", "multicast"})


def _address(value: Any, name: str) -> str:
    if not isIP(checkString(value, name)):
        raise ERR_INVALID_IP_ADDRESS(value)
    return str(value)


class PeerOptions(TypedDict, total=False):
    """Where to send, and from where."""

    host: Annotated[
        str, Option(check=checkString, string=HOST, doc="The name or address of the peer.")
    ]
    port: Annotated[
        int, Option(check=partial(checkPort, allowZero=False), string=PORT, doc="The peer's port.")
    ]
    localAddress: Annotated[
        str | None, Option(check=_address, string=TEXT, node=False, doc="The address to send from.")
    ]
    localPort: Annotated[
        int,
        Option(default=0, check=checkPort, string=PORT, node=False, doc="The port to send from."),
    ]


class DatagramClientArguments(SocketOptions, PeerOptions, BoundOptions, total=False):
    """What the string of a datagram endpoint with a peer may hold."""


@implementer(IDatagramClientEndpoint)
class UDPClientEndpoint(UDPEndpoint):
    """``udp:HOST:PORT``: a UDP socket that is connected with a peer.

    It is one of IPv6 when the host is an address of IPv6, or when it has ``type=udp6``.

    >>> str(UDPClientEndpoint(host="127.0.0.1", port=53))
    'udp:127.0.0.1:53'
    """

    arguments: ClassVar[Arguments] = Arguments(
        "udp",
        DatagramClientArguments,
        first=("host", "port"),
        without=_NOT_TO_SEND,
        places=("port",),
        names={"bindAddress": "localAddress"},
    )

    host: ClassVar[str] = "host"

    def open(
        self,
        listener: Callable[[bytes, Any], Any] | None = None,
        lookup: Callable[..., object] | None = None,
    ) -> dgram.Socket:
        """Make a socket that is about to be connected: ``'connect'`` follows, or ``'error'``.

        Args:
            listener: called with the bytes and the sender of each datagram.
            lookup: finds the address of the peer in place of `dns.lookup`, as the option of
                `dgram.createSocket`.

        Returns:
            The socket, bound.

        Raises:
            OSError: The system refused, in Node's words.
        """
        made = self._socket(self._bind(), listener, lookup)
        made.connect(self._options["port"], self._host)
        return made

    def connect(self, protocol: DatagramProtocol) -> Deferred[IListeningPort]:
        """Run a Twisted protocol on a transport that is connected with the peer.

        Args:
            protocol: a `DatagramProtocol`; a factory is refused. It writes without an address.

        Returns:
            A Deferred of the transport, once the protocol is started; or of what went wrong: the
            look-up, the system's error, or `ERR_IP_BLOCKED`.
        """
        connected: Deferred[IListeningPort] = Deferred()

        def found(error: BaseException | None, address: Any = None, family: Any = None) -> None:
            if connected.called:
                return  # cancelled
            try:
                if error is not None:
                    raise error
                port = self._port(protocol, (address, self._options["port"]))
            except Exception:
                connected.errback(Failure())
            else:
                connected.callback(port)

        try:
            self._check(protocol)
            poller = pollerOf(self._reactor)
            dns.lookup(self._host, {"family": int(self.type[-1])}, found, reactor=poller.reactor)
        except Exception:
            connected.errback(Failure())
        return connected

    @property
    def _host(self) -> str:
        return self._options.get("host") or ("::1" if self.type == "udp6" else "127.0.0.1")

    def _open(self) -> socket.socket:
        return self._opened(self._options.get("localPort", 0), self._options.get("localAddress"))
