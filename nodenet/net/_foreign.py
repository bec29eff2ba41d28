"""Sockets over transports that are not nodenet's own: TLS, SSH channels, pipes, test transports.

Law: a link that was left tells its Socket nothing more; every call from outside runs as a callback
of nodenet, with its ticks behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from errno import ENOBUFS, EPIPE
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.errors import ERR_SOCKET_CLOSED, systemError, translate
from nodenet.interfaces import IStreamLink
from nodenet.loop import Poller
from nodenet.net._capabilities import Capabilities, Flush
from nodenet.net._link import Link
from nodenet.transports.collecting import HIGH_WATER
from nodenet.transports.protocol import StreamTransport
from nodenet.transports.sink import StreamSink


@implementer(IStreamLink, IHalfCloseableProtocol, IPushProducer, IPullProducer)
class StreamLink(Protocol):
    """Joins a Socket to any `ITransport`: to the transport it is the protocol.

    Args:
        poller: The Poller of the reactor.
        made: Called with the link to use when there is a connection; it makes the Socket.
    """

    transport: Any
    bytesRead = 0
    bytesSent = 0
    held = False
    queued = 0
    reading = False
    buffer: memoryview | None = None

    def __init__(self, poller: Poller, made: Callable[[Link], object] | None = None) -> None:
        self._poller = poller
        self._made = made
        self._deliver: Callable[[Any], object] = _ignore
        self._sink: StreamSink | None = None
        self._can: Capabilities
        self._flush = Flush.NEVER
        self._kept: deque[bytes] = deque()
        self._producing = self._asked = False  # registered as a producer; ever asked as one
        self._waits = False  # what is written from now on has not left
        self._lost = self._closed = self._leaving = False
        self._eof = False
        self._reason: Failure | None = None  # of the end, until it is told
        self._release: Callable[[], None] | None = None

    # -- what the transport calls: IProtocol, IHalfCloseableProtocol ------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        own = linkOf(transport)
        if own is None:
            self.connected = 1
            self._take(transport)
        if self._made is not None:
            self._poller.ticks.call(self, self._made, own or self)

    def dataReceived(self, data: bytes) -> None:
        if self._closed:
            return
        self.bytesRead += len(data)
        if self.reading and not self._kept:
            self._poller.ticks.call(self, self._hand_over, data)
        else:
            self._kept.append(data)

    def readConnectionLost(self) -> None:
        self._poller.ticks.call(self, self._end, connectionDone)

    def writeConnectionLost(self) -> None:
        """We asked for it."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._lost:
            self._lost = True
            self.connected = 0
            self.unref()
            self._poller.ticks.call(self, self._end, reason)

    # -- what the transport calls: we are its producer --------------------------------------

    def resumeProducing(self) -> None:
        self._asked = True
        self._waits = False
        if not self.queued and _is_leaving(self.transport):
            self._stop_producing()  # it waits for its producer alone: somebody else has closed it
            return
        if self._flush is Flush.NOTICES:
            self._poller.nextTick(self._all_left)  # a channel says so before it has sent the rest
        elif self.queued:
            self._poller.ticks.call(self, self._all_left)

    def pauseProducing(self) -> None:
        self._waits = True

    def stopProducing(self) -> None:
        """The connection is lost; its protocol is told so."""
        self._producing = False

    # -- what the Socket calls: IStreamLink -------------------------------------------------

    def attach(self, deliver: Callable[[bytes], object], sink: StreamSink) -> None:
        self._deliver = deliver
        self._sink = sink

    def send(self, data: bytes) -> bool:
        return self.sendv((data,))

    def sendv(self, chunks: Sequence[bytes]) -> bool:
        if self._lost or self._leaving:
            raise systemError(EPIPE, "write")
        size = sum(map(len, chunks))
        if not size and not self.queued:
            return True
        self._waits |= self._flush is Flush.PULLS
        self.queued += size
        for chunk in chunks:
            self.transport.write(bytes(chunk))
        if self._waits:
            return False
        self.bytesSent += self.queued
        self.queued = 0
        return True

    def shutdown(self) -> None:
        if not self._lost:
            self._stop_producing()
            self._leaving = True
            self._can.endWriting()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._sink = None
        self._deliver = _ignore
        self._kept.clear()
        if self._lost:
            return
        self._stop_producing()
        if self.queued > HIGH_WATER and self._can.abort is not None:
            self._can.abort()  # who does not read would keep it open
        else:
            self.transport.loseConnection()
        if self._flush is Flush.PAUSES:
            self._can.resumeReading()  # TLS has to hear the peer's answer
        elif self._flush is Flush.NEVER:
            self.unref()  # nothing of a reactor's is behind it that would tell of the end

    def reset(self) -> None:
        if self._can.abort is not None and not self._lost:
            self._stop_producing()
            self._can.abort()
        self.close()

    def startReading(self) -> None:
        if self.reading or self._closed:
            return
        self.reading = True
        if self._kept:
            self._poller.nextTick(self._hand_over_kept)
        if not self._lost and (self._can.halfClose or not self._leaving):
            self._can.resumeReading()

    def stopReading(self) -> None:
        if self.reading:
            self.reading = False
            if not self._lost and (self._can.halfClose or not self._leaving):
                self._can.pauseReading()

    def ref(self) -> None:
        if self._release is None and not self._lost:
            self._release = self._poller.pending(f"{self.transport!r}")

    def unref(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            release()

    def localAddress(self) -> tuple[Any, ...] | None:
        return _raw(self.transport.getHost())

    def remoteAddress(self) -> tuple[Any, ...] | None:
        return _raw(self.transport.getPeer())

    def describe(self) -> str:
        return f"over {self.transport!r}"

    # -- private ----------------------------------------------------------------------------

    def _take(self, transport: Any) -> None:
        """The connection is there: see what it can, and let nothing pass before we are asked."""
        can = self._can = Capabilities.of(transport)
        self._flush = can.flush
        self.ref()
        can.pauseReading()
        if can.flush is Flush.NOTICES:
            self._heed(can.channel)
        elif can.flush is not Flush.NEVER:
            self._producing = True
            transport.registerProducer(self, can.flush is Flush.PAUSES)
            if can.flush is Flush.PAUSES:
                self._heed_close(transport)
            if can.flush is Flush.PULLS and not self._asked:
                self._flush = Flush.NEVER  # whoever does not ask at once never will

    def _heed_close(self, transport: Any) -> None:
        """Have TLS tell when somebody wants it closed: it waits for a push producer in silence."""
        while ISSLTransport.providedBy(getattr(transport, "transport", None)):
            transport = transport.transport
        close = transport.loseConnection

        def loseConnection() -> None:
            self._stop_producing()
            close()

        transport.loseConnection = loseConnection

    def _heed(self, channel: Any) -> None:
        """Have a channel of SSH tell of its window, and of the end."""
        channel.startWriting, channel.stopWriting = self.resumeProducing, self.pauseProducing
        ended = channel.eofReceived

        def eofReceived() -> None:
            ended()
            self.readConnectionLost()

        channel.eofReceived = eofReceived

    def _stop_producing(self) -> None:
        if self._producing:
            self._producing = False
            self.transport.unregisterProducer()

    def _all_left(self) -> None:
        if self.queued and not self._waits:
            self.bytesSent += self.queued
            self.queued = 0
            if self._sink is not None:
                self._sink.flushed()

    def _hand_over(self, data: bytes) -> None:
        while data:
            buffer = self.buffer
            if not self.reading:
                self._kept.appendleft(data)
                return
            if buffer is None:
                self._deliver(data)
                return
            if not buffer:
                self.stopReading()
                if self._sink is not None:
                    self._sink.readFailed(systemError(ENOBUFS, "read"))
                return
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            data = data[size:]
            self._deliver(buffer[:size])

    def _hand_over_kept(self) -> None:
        while self._kept and self.reading:
            self._hand_over(self._kept.popleft())
        if not self._kept:
            self._tell_end()

    def _end(self, reason: Failure) -> None:
        self._reason = reason
        if self._lost and self.queued and self._sink is not None:
            self.queued = 0
            error = translate(reason, "write") or systemError(EPIPE, "write")
            self._sink.writeFailed(error)  # type: ignore[arg-type]  # or one of OpenSSL's
        if not self._kept:
            self._tell_end()

    def _tell_end(self) -> None:
        reason, self._reason = self._reason, None
        if reason is None or self._sink is None:
            return
        error = translate(reason, "read")
        if error is not None:
            self._sink.readFailed(error)  # type: ignore[arg-type]  # or one of OpenSSL's
        elif not self._eof:
            self._eof = True
            self._sink.readEnded()


def _is_leaving(transport: Any) -> bool:
    """Whether a transport is closing, or one that it wraps."""
    while transport is not None:
        if getattr(transport, "disconnecting", False):
            return True
        transport = getattr(transport, "transport", None)
    return False


def linkOf(transport: Any) -> Any:
    """A transport of nodenet's own is used as it is, unless it carries TLS; else None."""
    if isinstance(transport, StreamTransport) and not ISSLTransport.providedBy(transport):
        if not transport.connected:
            raise ERR_SOCKET_CLOSED
        transport.handOver()
        return transport
    return None


def _raw(address: Any) -> tuple[Any, ...] | None:
    if isinstance(address, IPv4Address):
        return (address.host, address.port)
    if isinstance(address, IPv6Address):
        return (address.host, address.port, address.flowInfo, address.scopeID)
    return None


def _ignore(data: object) -> None:
    """Where bytes go when nobody is attached."""
