"""`startTLS`: Twisted's TLS protocol between a transport and its protocol.

Law: once it is started the application's calls go to the TLS protocol, and only that one's own
reach the plain transport.

Twisted's TLS classes, and with them pyOpenSSL, are imported when the first TLS is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any

from twisted.internet.interfaces import IHandshakeListener, IProtocolFactory, ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import alsoProvides, directlyProvides, implementer, providedBy

from nodenet.transports.protocol import StreamTransport


class SecurableTransport(StreamTransport):
    """A stream transport that can start TLS; see `startTLS`."""

    client = False
    """Whether this end has connected; TLS goes the same way."""

    _tls: Any = None
    getPeerCertificate: Any

    def connect(self, address: Any, connected: Callable[[OSError | None], object]) -> None:
        self.client = True
        super().connect(address, connected)

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """Negotiate TLS from here on; the transport provides `ISSLTransport` then.

        Args:
            contextFactory: What `twisted.internet.ssl` makes: `CertificateOptions`, or
                `optionsForClientTLS` where this end has connected.
            normal: False turns the roles around: the end that has connected is the server.

        Raises:
            RuntimeError: TLS was started before.
            ImportError: pyOpenSSL is not installed.
        """
        if self._tls is not None:
            raise RuntimeError("TLS was started already")
        above = Factory.forProtocol(lambda: _Above(self))
        factory = tlsFactory(contextFactory, self.client is normal, above, self.poller.reactor)
        producer, streaming = self._producer, self._streaming
        if producer is not None:
            self.unregisterProducer()
        tls = factory.buildProtocol(None)
        self._tls = tls
        self.getPeerCertificate = tls.getPeerCertificate
        alsoProvides(self, ISSLTransport)
        tls.makeConnection(_Below(self))
        if producer is not None:
            self.registerProducer(producer, streaming)

    # -- what the application calls ---------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self._tls is None:
            super().write(data)
        elif self.connected:
            self._tls.write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        if self._tls is None:
            super().writeSequence(iovec)
        elif self.connected:
            self._tls.writeSequence(iovec)

    def loseConnection(self) -> None:
        if self._tls is None:
            super().loseConnection()
        elif self.connected and not self.disconnecting:
            self._tls.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self._tls is None:
            super().registerProducer(producer, streaming)
        else:
            self._tls.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        if self._tls is None:
            super().unregisterProducer()
        else:
            self._tls.unregisterProducer()

    def getHandle(self) -> Any:
        return super().getHandle() if self._tls is None else self._tls.getHandle()

    # -- private ----------------------------------------------------------------------------

    def _receiver(self) -> Any:
        return self._protocol if self._tls is None else self._tls

    def _data_received(self, data: bytes) -> None:
        if self._tls is None:
            self._protocol.dataReceived(data)
        else:
            self._tls.dataReceived(data)


class _Below:
    """The plain transport, as the TLS protocol sees it."""

    def __init__(self, transport: SecurableTransport) -> None:
        self._transport = transport
        directlyProvides(self, providedBy(transport))

    def write(self, data: bytes) -> None:
        StreamTransport.write(self._transport, data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        StreamTransport.writeSequence(self._transport, iovec)

    def loseConnection(self) -> None:
        StreamTransport.loseConnection(self._transport)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        StreamTransport.registerProducer(self._transport, producer, streaming)

    def unregisterProducer(self) -> None:
        StreamTransport.unregisterProducer(self._transport)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@implementer(IHandshakeListener)
class _Above(Protocol):
    """The application's protocol, as the TLS protocol sees it: connected long since."""

    def __init__(self, transport: SecurableTransport) -> None:
        self._transport = transport

    def dataReceived(self, data: bytes) -> None:
        self._transport.protocol.dataReceived(data)

    def handshakeCompleted(self) -> None:
        listener = IHandshakeListener(self._transport.protocol, None)
        if listener is not None:
            listener.handshakeCompleted()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._transport.protocol.connectionLost(reason)


def tlsFactory(contextFactory: Any, client: bool, above: IProtocolFactory, reactor: Any) -> Any:
    """Twisted's factory of TLS, for a transport below it.

    Args:
        contextFactory: What to start TLS with, as for `SecurableTransport.startTLS`.
        client: Whether this end is TLS's client.
        above: Makes the protocols above TLS.
        reactor: The reactor.

    Raises:
        ImportError: pyOpenSSL is not installed.
    """
    from twisted.protocols.tls import TLSMemoryBIOFactory

    # Newer ones send small writes together, and want a clock for that.
    known = signature(TLSMemoryBIOFactory).parameters
    clock = {"clock": reactor} if "clock" in known else {}
    return TLSMemoryBIOFactory(contextFactory, client, above, **clock)
