"""A stream descriptor as Twisted's protocols know one: `ITransport`, `IConsumer`, half-close.

Law: neither a failure nor a call of a producer ever happens inside `write`; the protocol's
`connectionLost` is called exactly once and last.

The writes of one handler are collected and sent when it has returned (two small sends would meet
Nagle's algorithm and the delayed acknowledgement), without waiting for the reactor's next turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from socket import socket
from typing import Any, Final

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableProtocol,
    IProtocol,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop import Poller
from nodenet.transports.stream import StreamDescriptor

HIGH_WATER: Final = 65_536
"""Bytes waiting to be sent from which on a push producer is paused."""


@implementer(ITransport, IConsumer)
class StreamTransport(StreamDescriptor):
    """Runs a Twisted Protocol once it is assigned to `protocol`."""

    connected = True
    disconnecting = False
    disconnected = False

    def __init__(self, poller: Poller, skt: socket) -> None:
        super().__init__(poller, skt)
        self._protocol: Any = None
        self._half_closeable = False
        self._collected: list[bytes] = []
        self._collected_size = 0
        self._flushing = False
        self._producer: Any = None
        self._streaming = False
        self._producer_paused = False
        self._write_closing = False
        self._write_closed = False
        self._read_ended = False

    # -- the protocol -----------------------------------------------------------------------

    @property
    def protocol(self) -> Any:
        """Who gets the bytes. Assigning another one takes effect with the next delivery."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self._half_closeable = IHalfCloseableProtocol.providedBy(protocol)
        self.attach(protocol.dataReceived, self)

    def run(self, protocol: IProtocol) -> None:
        """Assign `protocol`, tell it that the connection is made, and begin to read."""
        self.protocol = protocol
        protocol.makeConnection(self)
        if self.connected and not self.disconnecting and self._producer_reads():
            self.startReading()

    # -- ITransport, IConsumer --------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send `data` when the running handler has returned.

        :raises TypeError: when `data` is text.
        """
        if isinstance(data, str):
            raise TypeError("Data must be bytes, not str")
        if not self.connected or self._write_closing or not data:
            return
        self._collected.append(data)
        self._collected_size += len(data)
        self._flush_soon()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send several chunks, without joining them."""
        for data in iovec:
            self.write(data)

    def loseConnection(self) -> None:
        """Close when what was written has left and the producer, if any, has unregistered."""
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self.stopReading()
            self._flush_soon()

    def abortConnection(self) -> None:
        """Close at once with RST; what was written and has not left is dropped."""
        if self.connected and not self._aborting:
            self._aborting = True
            self.disconnecting = True
            self.stopReading()
            self.stopWriting()
            self.poller.nextTick(self._lose, Failure(ConnectionAborted()))

    _aborting = False

    def loseWriteConnection(self) -> None:
        """Send FIN when what was written has left; reading goes on."""
        if self.connected and not self._write_closing:
            self._write_closing = True
            self._flush_soon()

    def getHost(self) -> IAddress:
        raise NotImplementedError

    def getPeer(self) -> IAddress:
        raise NotImplementedError

    def pauseProducing(self) -> None:
        """Stop reading."""
        self.stopReading()

    def resumeProducing(self) -> None:
        """Read (again)."""
        if self.connected and not self.disconnecting and not self._read_ended:
            self.startReading()

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` feed this transport: push (`streaming`) or pull.

        :raises RuntimeError: when there is one already.
        """
        if self._producer is not None:
            raise RuntimeError(
                f"Cannot register producer {producer!r}: {self._producer!r} was not unregistered"
            )
        if not self.connected:
            producer.stopProducing()
            return
        self._producer = producer
        self._streaming = streaming
        self._producer_paused = False
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """The producer has no more: a pending `loseConnection` may go on."""
        self._producer = None
        if self.connected and (self.disconnecting or self._write_closing):
            self._flush_soon()

    # -- StreamSink: from the descriptor ----------------------------------------------------

    def readEnded(self) -> None:
        self._read_ended = True
        if self._half_closeable:
            self._protocol.readConnectionLost()
            if self._write_closed:
                self._lose(Failure(ConnectionDone()))
        elif self._collected or self.queued:
            # What was written before the FIN was seen still leaves.
            self.disconnecting = True
            self._producer = None
        else:
            self._lose(Failure(ConnectionDone()))

    def flushed(self) -> None:
        producer = self._producer
        if producer is not None and (self._producer_paused or not self._streaming):
            self._producer_paused = False
            producer.resumeProducing()
        if not self._collected and not self.queued:
            self._all_sent()

    def readFailed(self, error: OSError) -> None:
        self._lose(Failure(error))

    def writeFailed(self, error: OSError) -> None:
        self._lose(Failure(error))

    def reactorStopped(self) -> None:
        self._lose(Failure(ConnectionLost()))

    def handlerFailed(self, failure: Failure) -> None:
        """A protocol's exception closes its connection, as in Twisted."""
        super().handlerFailed(failure)
        if self._protocol is not None:
            self._lose(failure)

    # -- private ----------------------------------------------------------------------------

    def _producer_reads(self) -> bool:
        return not self._read_ended

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.poller.nextTick(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        chunks = self._collected
        if chunks:
            self._collected = []
            self._collected_size = 0
            try:
                if len(chunks) == 1:
                    self.send(chunks[0])
                else:
                    self.sendv(chunks)
            except OSError as error:
                self._lose(Failure(error))
                return
        if not self.connected:
            return
        if self.queued:
            self._pause_producer()
        elif self._producer is not None and chunks and not self._streaming:
            self.flushed()
        else:
            self._all_sent()

    def _pause_producer(self) -> None:
        if self.queued > HIGH_WATER and self._streaming and not self._producer_paused:
            if self._producer is not None:
                self._producer_paused = True
                self._producer.pauseProducing()

    def _all_sent(self) -> None:
        if self._producer is not None or not self.connected:
            return
        if self.disconnecting:
            self._lose(Failure(ConnectionDone()))
        elif self._write_closing and not self._write_closed:
            self._write_closed = True
            try:
                self.shutdown()
            except OSError as error:
                self._lose(Failure(error))
                return
            if self._half_closeable:
                self._protocol.writeConnectionLost()
            if self._read_ended:
                self._lose(Failure(ConnectionDone()))

    def _lose(self, reason: Failure) -> None:
        """The one way out."""
        if not self.connected:
            return
        self.connected = False
        self.disconnected = True
        self._collected = []
        protocol, self._protocol = self._protocol, None
        producer, self._producer = self._producer, None
        if reason.check(ConnectionAborted):
            self.reset()
        else:
            self.close()
        if producer is not None:
            producer.stopProducing()
        if protocol is not None:
            protocol.connectionLost(reason)
