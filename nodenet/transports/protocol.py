"""A stream descriptor as Twisted's protocols know one: `ITransport`, half-close, the end.

Law: the protocol's `connectionLost` is called exactly once and last; `_lose` is the one way there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
    ISystemHandle,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.transports.collecting import CollectingDescriptor


@implementer(ITransport, IPushProducer, ISystemHandle)
class StreamTransport(CollectingDescriptor):
    """Runs a Twisted Protocol once it is assigned to `protocol`."""

    disconnected = False
    lost: Callable[[Failure], object] | None = None
    """Whoever made the transport is told last, with the reason."""

    # Class attributes, for a `net.Socket` uses transports too and needs none of these.
    _protocol: Any = None
    _write_closed = False
    _read_ended = False
    _host: IAddress | None = None
    _peer: IAddress | None = None

    # -- the protocol -----------------------------------------------------------------------

    @property
    def protocol(self) -> Any:
        """Who gets the bytes. Assigning another one takes effect with the next delivery."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self.attach(self._data_received, self)

    def run(
        self, protocol: IProtocol, peer: IAddress | None = None, *, paused: bool = False
    ) -> None:
        """Assign `protocol`, tell it that the connection is made, and begin to read.

        What it raises is reported, and closes the connection.

        Args:
            protocol: Who gets the bytes.
            peer: The peer's address, where it is known.
            paused: Do not read before `resumeProducing`.
        """
        self._peer = peer
        try:
            self.getPeer()  # remembered: the protocol may ask when the connection is lost
        except OSError:
            pass  # lost already: reading will tell
        self.protocol = protocol
        if not paused:
            self.startReading()  # first: the protocol may pause it
        try:
            protocol.makeConnection(self)
        except Exception:
            self.handlerFailed(Failure())

    def handOver(self) -> None:
        """Let go of the protocol: somebody attaches a sink instead, and starts to read."""
        self._flush()
        self._protocol = None
        self.stopReading()

    def close(self) -> None:
        super().close()
        if self._protocol is None and self.lost is not None:
            lost, self.lost = self.lost, None  # who took over has closed
            lost(Failure(ConnectionDone()))

    # -- ITransport -------------------------------------------------------------------------

    def loseConnection(self) -> None:
        """Close when what was written has left and a pull producer has unregistered."""
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

    def loseWriteConnection(self) -> None:
        """Send FIN when what was written has left; reading goes on."""
        if self.connected and not self._write_closing:
            self._write_closing = True
            self._flush_soon()

    def getHost(self) -> IAddress:
        """The local address; still known when the connection is lost."""
        if self._host is None:
            self._host = self._host_address()
        return self._host

    def getPeer(self) -> IAddress:
        """The peer's address; still known when the connection is lost."""
        if self._peer is None:
            self._peer = self._peer_address()
        return self._peer

    @property
    def reactor(self) -> Any:
        """The reactor that this runs on."""
        return self.poller.reactor

    def getHandle(self) -> Any:
        """The socket object, to be used with care."""
        return self._socket

    def stopConsuming(self) -> None:
        """Unregister the producer and close."""
        self.unregisterProducer()
        self.loseConnection()

    # -- IPushProducer ----------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Stop reading."""
        self.stopReading()

    def resumeProducing(self) -> None:
        """Read (again)."""
        if self.connected and not self.disconnecting and not self._read_ended:
            self.startReading()

    def stopProducing(self) -> None:
        """Close, as `loseConnection` does."""
        self.loseConnection()

    # -- StreamSink: from the descriptor ----------------------------------------------------

    def readEnded(self) -> None:
        if self._read_ended:
            return
        self._read_ended = True
        half_closeable = IHalfCloseableProtocol(self._receiver(), None)
        if half_closeable is not None:
            half_closeable.readConnectionLost()
            if self._write_closed:
                self._lose(Failure(ConnectionDone()))
        elif self._collected or self.queued:
            # What was written before the FIN was seen still leaves.
            self.disconnecting = True
            self._stop_producer()
        else:
            self._lose(Failure(ConnectionDone()))

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

    def _host_address(self) -> IAddress:
        raise NotImplementedError

    def _peer_address(self) -> IAddress:
        raise NotImplementedError

    def _receiver(self) -> Any:
        """Who hears what comes from the kernel."""
        return self._protocol

    def _data_received(self, data: bytes) -> None:
        # Looked up each time: protocols replace their own dataReceived.
        self._protocol.dataReceived(data)

    def _all_sent(self) -> None:
        if not self.connected or (self._producer is not None and not self._streaming):
            return
        if self.disconnecting:
            self._lose(Failure(ConnectionDone()))
        elif self._write_closing and not self._write_closed:
            self._close_writing()

    def _close_writing(self) -> None:
        self._write_closed = True
        try:
            self.shutdown()
        except OSError as error:
            self._lose(Failure(error))
            return
        half_closeable = IHalfCloseableProtocol(self._receiver(), None)
        if half_closeable is not None:
            half_closeable.writeConnectionLost()
        if self._read_ended:
            self._lose(Failure(ConnectionDone()))

    def _lose(self, reason: Failure) -> None:
        """The one way out."""
        if not self.connected:
            return
        self.connected = False
        self.disconnected = True
        self._collected = None
        try:
            self.getHost()  # remembered, as in `run`
        except OSError:
            pass
        receiver = self._receiver()
        lost, self.lost = self.lost, None
        if reason.check(ConnectionAborted):
            self.reset()
        else:
            self.close()
        try:
            self._stop_producer()
        finally:
            self._tell_lost(receiver, lost, reason)

    def _tell_lost(self, receiver: Any, lost: Any, reason: Failure) -> None:
        try:
            if receiver is not None:
                receiver.connectionLost(reason)
        finally:
            self._protocol = None
            if lost is not None:
                lost(reason)
