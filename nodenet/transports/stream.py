"""A connected stream descriptor: bytes in, bytes out at once.

Law: bytes leave in the order they were given; a failure is told once to the sink and closes
nothing by itself; after `close()` the sink hears nothing more.

What is received goes to `deliver(data)`, which is one attribute, so that the byte path is one
call; everything rare goes to the `StreamSink`. How it sends is in `nodenet.transports.sending`.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from nodenet.errors import systemError
from nodenet.loop import Poller
from nodenet.transports.sending import SendingHandle
from nodenet.transports.sink import NOBODY, StreamSink

READ_SIZE: Final = 65_536
"""Bytes taken by one read."""

_LARGE_READ: Final = 262_144
"""Bytes taken by one read while there are always that many: half the calls of a fast stream. Not
by default, for a buffer of that size is mapped anew for every read that does not fill it."""

_RESET: Final = struct.pack("ii", 1, 0)  # linger for 0 seconds: close sends RST


class StreamDescriptor(SendingHandle):
    """A non-blocking connected (or connecting) stream socket."""

    __slots__ = ("_connected", "_read_size", "_recv", "buffer", "bytesRead", "deliver")

    deliver: Callable[[bytes], object]

    def __init__(self, poller: Poller, skt: socket.socket) -> None:
        super().__init__(poller, skt)
        self.bytesRead = 0
        self.buffer: memoryview | None = None
        self._read_size = READ_SIZE
        self._recv: Callable[[int], bytes] = skt.recv
        self._connected: Callable[[OSError | None], object] | None = None

    def attach(self, deliver: Callable[[bytes], object], sink: StreamSink) -> None:
        """Say where received bytes and rare events go. Reading starts with `startReading`."""
        self.deliver = deliver
        self.sink = sink

    # -- connecting -------------------------------------------------------------------------

    def connect(self, address: Any, connected: Callable[[OSError | None], object]) -> None:
        """Begin to connect to the raw `address`; `connected(error or None)` tells the outcome.

        :raises OSError: when the kernel refuses at once, as the kernel words it.
        """
        code = self._socket.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, "connect")
        # Also when it succeeded at once (Unix sockets): the outcome is always told later.
        self._connected = connected
        self.startWriting()

    @property
    def connecting(self) -> bool:
        return self._connected is not None

    # -- the end ----------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Send FIN. Nothing may be queued.

        :raises OSError: when the kernel refuses (``ENOTCONN`` after a reset).
        """
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise systemError(error, "shutdown") from None

    def close(self) -> None:
        """Close; what is held leaves first, what waits to be sent is dropped."""
        self.sink = NOBODY
        self.deliver = _ignore
        self._connected = None
        self._drop_queue()
        self.closeDescriptor()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        if self._open:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    # -- from the Poller --------------------------------------------------------------------

    def doRead(self) -> None:
        if self.buffer is not None:
            self._read_into(self.buffer)
            return
        # Attributes that are called are taken first: `self.deliver(data)` would look for a method,
        # which is dearer.
        receive, wanted = self._recv, self._read_size
        try:
            data = receive(wanted)
        except BlockingIOError:
            return
        except OSError as error:
            self._read_failed(error)
            return
        if data:
            size = len(data)
            self.bytesRead += size
            if size == wanted:
                self._read_size = _LARGE_READ
            elif size < READ_SIZE < wanted:
                self._read_size = READ_SIZE
            deliver = self.deliver
            deliver(data)
        else:
            self.stopReading()
            self.sink.readEnded()

    def doWrite(self) -> None:
        if self._connected is not None:
            self._connect_outcome()
        else:
            self._send_more()

    def connectionLost(self, reason: object) -> None:
        try:
            self.sink.reactorStopped()
        finally:
            self.close()

    # -- private ----------------------------------------------------------------------------

    def _read_into(self, buffer: memoryview) -> None:
        """`deliver` is told of bytes by their number; they stand in the caller's own buffer."""
        if not buffer:
            self._read_failed(noRoom())
            return
        try:
            size = self._socket.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self._read_failed(error)
            return
        if size:
            self.bytesRead += size
            self.deliver(buffer[:size])  # type: ignore[arg-type]  # a view, no copy
        else:
            self.stopReading()
            self.sink.readEnded()

    def _read_failed(self, error: OSError) -> None:
        self.stopReading()
        self.sink.readFailed(systemError(error, "read"))

    def _connect_outcome(self) -> None:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not code and not self._has_peer():
            return  # called in vain: still connecting
        connected, self._connected = self._connected, None
        assert connected is not None
        self.stopWriting()
        connected(OSError(code, "connect") if code else None)

    def _has_peer(self) -> bool:
        try:
            self._socket.getpeername()
        except OSError:
            return False
        return True


def noRoom() -> OSError:
    """Nothing can be read into a buffer of no length."""
    return OSError(errno.ENOBUFS, "the buffer is empty")


def _ignore(data: bytes) -> None:
    """Where bytes go when nobody is attached."""
