"""Writing as Twisted's protocols write, and producers: `IConsumer` on a stream descriptor.

Law: no failure ever happens inside `write`, and of a producer's methods only `pauseProducing`:
producers of Twisted's write in a loop until they are paused.

The writes of one handler are collected and sent when it has returned (two small sends would meet
Nagle's algorithm and the delayed acknowledgement), without waiting for the reactor's next turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.transports.stream import StreamDescriptor

HIGH_WATER: Final = 65_536
"""Bytes waiting to be sent beyond which a push producer is paused, by default."""

_TURNS: Final = 16  # times a producer is asked before others have their turn


@implementer(IConsumer)
class CollectingDescriptor(StreamDescriptor):
    """Collects writes and runs producers; `StreamTransport` adds the protocol."""

    connected = True
    disconnecting = False
    bufferSize = HIGH_WATER  # Twisted's name for it

    # Class attributes, for a `net.Socket` uses transports too and needs none of these.
    _collected: list[bytes] | None = None  # a list while a flush is due
    _producer: Any = None
    _streaming = False
    _producer_paused = False
    _collected_size = 0  # bytes; counted for push producers
    _turns = 0
    _aborting = False
    _write_closing = False

    # -- writing ----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send `data` when the running handler has returned.

        Raises:
            TypeError: `data` is no bytes.
        """
        if type(data) is not bytes:
            data = _bytes(data)
        if self.connected and data and not self._write_closing and not self._aborting:
            if self._collected is None:
                self._collected = [data]
                self.poller.nextTick(self._flush)
            else:
                self._collected.append(data)
            if self._streaming:
                self._collected_size += len(data)
                if self._collected_size + self.queued > self.bufferSize:
                    self._pause_producer()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send several chunks, without joining them.

        Raises:
            TypeError: One of them is no bytes; none is sent then.
        """
        for data in [_bytes(data) for data in iovec]:
            CollectingDescriptor.write(self, data)  # not what a subclass puts before it

    # -- producers ---------------------------------------------------------------------------

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` feed this transport: push (`streaming`) or pull.

        A push producer is paused, also inside `write`, when more than `bufferSize` bytes wait.

        Raises:
            RuntimeError: There is one already.
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
        self._collected_size = sum(map(len, self._collected or ()))
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """The producer has no more: a pending `loseConnection` may go on."""
        self._producer = None
        self._streaming = False
        if self.connected and (self.disconnecting or self._write_closing):
            self._flush_soon()

    # -- StreamSink: from the descriptor ----------------------------------------------------

    def flushed(self) -> None:
        if self._producer is not None and (self._producer_paused or not self._streaming):
            self._resume_producer()
        if self._collected is None and not self.queued:
            self._all_sent()

    # -- private ----------------------------------------------------------------------------

    def _all_sent(self) -> None:
        """Nothing is left to send, and no pull producer has more."""
        raise NotImplementedError

    def _flush_soon(self) -> None:
        if self._collected is None:
            self._collected = []
            self.poller.nextTick(self._flush)

    def _flush(self) -> None:
        """A tick: the handler that wrote has returned."""
        chunks, self._collected = self._collected, None
        self._collected_size = 0
        if not self.connected or self._aborting:
            return
        if chunks:
            try:
                self._transmit(chunks)
            except OSError as error:
                self.sink.writeFailed(error)
                return
        try:
            self._transmitted(bool(chunks))
        except Exception:
            self.handlerFailed(Failure())

    def _transmit(self, chunks: list[bytes]) -> None:
        if len(chunks) == 1:
            self.send(chunks[0])
        else:
            self.sendv(chunks)

    def _transmitted(self, something: bool) -> None:
        producer = self._producer
        if self.queued:
            if producer is not None and self._streaming and self._is_full():
                self._pause_producer()
        elif producer is not None and (
            self._producer_paused or ((something or self.disconnecting) and not self._streaming)
        ):  # a pull producer is also told that the connection waits for it to unregister
            self._turns = (self._turns + 1) % _TURNS
            if self._turns:
                self.flushed()
            else:
                self.startWriting()  # `flushed` goes on, after the others
        else:
            self._all_sent()

    def _is_full(self) -> bool:
        return self.queued > self.bufferSize

    def _pause_producer(self) -> None:
        if not self._producer_paused:
            self._producer_paused = True
            self._producer.pauseProducing()

    def _resume_producer(self) -> None:
        self._producer_paused = False
        self._producer.resumeProducing()

    def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        self._streaming = False
        if producer is not None:
            producer.stopProducing()


def _bytes(data: Any) -> bytes:
    if isinstance(data, str):
        raise TypeError("Data must be bytes")
    return data if isinstance(data, bytes) else bytes(memoryview(data))
