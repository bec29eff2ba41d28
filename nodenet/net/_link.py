"""What joins a Socket to its transport.

Law: a link that was left tells its Socket nothing more.

nodenet's own transports are used as they are: the Socket sends through them and they deliver to
it, without a frame in between. The rare events go through a `SocketSink`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nodenet.transports.sink import StreamSink

if TYPE_CHECKING:
    from nodenet.net._life import LivingSocket


class Link(Protocol):
    """What a Socket asks of what it is joined to: `StreamDescriptor` is one."""

    bytesRead: int
    bytesSent: int
    queued: int
    held: bool
    buffer: memoryview | None

    def attach(self, deliver: Callable[[bytes], object], sink: StreamSink) -> None: ...
    def send(self, data: bytes) -> bool: ...
    def sendv(self, chunks: Sequence[bytes]) -> bool: ...
    def shutdown(self) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...
    def startReading(self) -> None: ...
    def stopReading(self) -> None: ...
    def ref(self) -> None: ...
    def describe(self) -> str: ...
    def unref(self) -> None: ...
    def localAddress(self) -> tuple[Any, ...] | None: ...
    def remoteAddress(self) -> tuple[Any, ...] | None: ...
    @property
    def reading(self) -> bool: ...


class SocketSink:
    """Hands the rare events of a link on to the Socket's private side."""

    __slots__ = ("_socket",)

    def __init__(self, socket: LivingSocket) -> None:
        self._socket = socket

    def readEnded(self) -> None:
        self._socket._read_ended()

    def flushed(self) -> None:
        self._socket._flushed()

    def readFailed(self, error: OSError) -> None:
        self._socket.destroy(error)

    def writeFailed(self, error: OSError) -> None:
        self._socket._write_lost(error)

    def reactorStopped(self) -> None:
        self._socket._reactor_stopped()
