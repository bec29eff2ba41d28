"""Endpoints for TLS over TCP: ``ssl:`` listens, ``tls:`` connects, as with Twisted.

Law: the TCP below is nodenet's own with all its options; a listener of Node's kind gets a
connection when its handshake is done, and never one whose handshake fails.
"""

from __future__ import annotations

from errno import ECONNRESET
from typing import Any, ClassVar, Final, Self

from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.endpoints._arguments import Arguments
from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._certificates import (
    CertificateError,
    ClientCertificateOptions,
    ServerCertificateOptions,
    clientContext,
    serverContext,
)
from nodenet.endpoints._syntax import Description
from nodenet.endpoints.client import ClientArguments, TCPClientEndpoint
from nodenet.endpoints.stream import EndpointServer, StreamServerArguments, TCPServerEndpoint
from nodenet.errors import ERR_TLS_HANDSHAKE_TIMEOUT, systemError, translate
from nodenet.events import Event
from nodenet.loop import pollerOf
from nodenet.net._address import AddressInfo
from nodenet.net._foreign import StreamLink
from nodenet.transports.tcp import twistedAddress
from nodenet.transports.tls import tlsFactory

_HANDSHAKE: Final = 120.0  # seconds that one may take, as in Node's tls


class TLSServerArguments(StreamServerArguments, ServerCertificateOptions, total=False):
    """What the string of a listening TLS endpoint may hold."""


class TLSClientArguments(ClientArguments, ClientCertificateOptions, total=False):
    """What the string of a connecting TLS endpoint may hold."""


class _TLSEndpoint(Endpoint):
    """An endpoint that needs files."""

    @classmethod
    def fromDescription(cls, description: Description, reactor: Any = None) -> Self:
        try:
            return super().fromDescription(description, reactor)
        except CertificateError as error:
            place = cls.arguments.placeOf(description, error.option)
            raise description.fail(place, str(error)) from None


class TLSServerEndpoint(_TLSEndpoint, TCPServerEndpoint):
    """``ssl:PORT:privateKey=FILE``: TLS on a TCP server.

    The files are read when the endpoint is made.

    Raises:
        CertificateError: A file cannot be read or used.
    """

    arguments: ClassVar[Arguments] = TCPServerEndpoint.arguments.extended("ssl", TLSServerArguments)

    def __init__(self, reactor: Any = None, **options: Any) -> None:
        super().__init__(reactor, **options)
        self._context = serverContext(self._options)

    def _server(self, *args: Any, **keywords: Any) -> EndpointServer:
        return TLSServer(self._context, *args, **keywords)

    def _listen(self, factory: IProtocolFactory) -> Any:
        return super()._listen(
            tlsFactory(self._context, False, factory, pollerOf(self._reactor).reactor)
        )


class TLSClientEndpoint(_TLSEndpoint, TCPClientEndpoint):
    """``tls:HOST:PORT``: TLS on a TCP connection, to a server whose certificate is for HOST.

    The files are read when the endpoint is made.

    Raises:
        CertificateError: A file cannot be read or used.
    """

    arguments: ClassVar[Arguments] = TCPClientEndpoint.arguments.extended("tls", TLSClientArguments)

    def __init__(self, reactor: Any = None, **options: Any) -> None:
        super().__init__(reactor, **options)
        self._context = clientContext(self._options.get("host", "localhost"), self._options)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and run a protocol above TLS.

        Args:
            protocolFactory: makes the protocol when the connection is there.

        Returns:
            A Deferred of the protocol, whose handshake goes on: if it fails, for instance because
            the certificate is for another host, `connectionLost` says why, as with Twisted.
        """
        reactor = pollerOf(self._reactor).reactor
        factory = tlsFactory(self._context, True, protocolFactory, reactor)
        return super().connect(factory).addCallback(_above)


class TLSServer(EndpointServer):
    """A server whose connections are TLS's."""

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event(
            "tlsClientError",
            ("error", "peer"),
            "A handshake has failed. There is no socket; `peer` is the client's `AddressInfo`.",
        ),
    )

    def __init__(self, context: Any, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._tls = tlsFactory(context, False, _Handshakes(self), self._poller.reactor)

    def _welcome(self, link: Any, peer: Any) -> None:
        address = twistedAddress(peer)  # the kernel may not know it any more
        link.run(self._tls.buildProtocol(address), address)

    def _shaken(self, transport: Any) -> None:
        """A handshake is done: its connection is one for the listener."""
        made = StreamLink(self._poller, lambda link: super(TLSServer, self)._welcome(link, None))
        transport.wrappedProtocol = made
        made.makeConnection(transport)


class _Handshakes(Factory):
    """Makes what is above TLS first."""

    noisy = False

    def __init__(self, server: TLSServer) -> None:
        self._server = server

    def buildProtocol(self, addr: Any) -> _Handshake:
        family = "IPv6" if isinstance(addr, IPv6Address) else "IPv4"
        return _Handshake(self._server, AddressInfo(addr.host, family, addr.port))


@implementer(IHandshakeListener)
class _Handshake(Protocol):
    """What is above TLS while hands are shaken."""

    transport: Any
    _given_up: Exception | None = None

    def __init__(self, server: TLSServer, peer: AddressInfo) -> None:
        self._server = server
        self._peer = peer
        self._ended = False
        self._timer = server._poller.callLater(_HANDSHAKE, self._timed_out, ref=False)

    def connectionMade(self) -> None:
        self._server.unfinished[self.abort] = None

    def abort(self) -> None:
        """Reset the connection: the server's end, and no failure of the client's."""
        self._ended = True
        self.transport.abortConnection()

    def handshakeCompleted(self) -> None:
        self._finished()
        self._server._shaken(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._finished()
        if not self._ended:
            error = self._given_up or translate(reason, "read") or systemError(ECONNRESET, "read")
            self._server._poller.nextTick(self._server.emit, "tlsClientError", error, self._peer)
        self._server._forget()

    def _timed_out(self) -> None:
        self._given_up = ERR_TLS_HANDSHAKE_TIMEOUT()
        self.transport.abortConnection()

    def _finished(self) -> None:
        self._server.unfinished.pop(self.abort, None)
        if self._timer.active():
            self._timer.cancel()


def _above(tls: Any) -> IProtocol:
    protocol: IProtocol = tls.wrappedProtocol
    return protocol
