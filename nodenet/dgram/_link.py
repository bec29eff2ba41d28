"""A socket on somebody else's UDP transport.

Law: what the transport cannot do is an error in Node's words, said when it is asked for.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.errors import systemError
from nodenet.interfaces import IDatagramLink
from nodenet.transports.udp_control import ControlMessages
from nodenet.transports.udp_queue import SendQueue

if TYPE_CHECKING:
    from nodenet.dgram.socket import Socket
    from nodenet.loop import Poller
    from nodenet.transports.udp import Receiver

_log = Logger(namespace="nodenet")

_WORDS: Final = {MessageLengthError: errno.EMSGSIZE, InvalidAddressError: errno.EINVAL}
_PAUSE = 0.005  # seconds until a transport that was full is tried again


class Link(Protocol):
    """What a socket needs: a `UDPDescriptor` is one."""

    queue: SendQueue
    received: int

    @property
    def socket(self) -> socket.socket: ...
    def bind(self, raw: Any) -> None: ...
    def detail(self) -> None: ...
    def reportErrors(self) -> None: ...
    def startReading(self) -> None: ...
    def connect(self, raw: Any) -> None: ...
    def disconnect(self) -> None: ...
    def localAddress(self) -> tuple[Any, ...]: ...
    def remoteAddress(self) -> tuple[Any, ...]: ...
    def close(self) -> None: ...
    def ref(self) -> None: ...
    def unref(self) -> None: ...
    def describe(self) -> str: ...


class DatagramLink(DatagramProtocol):
    """Joins a `Socket` to any Twisted UDP transport.

    ::

        socket = dgram.createSocket("udp4")
        reactor.listenUDP(41234, dgram.DatagramLink(socket), interface="127.0.0.1")

    The socket is bound as soon as the transport is: `'listening'` follows. It is closed when the
    transport stops, and closing it stops the transport. `disconnect` is not possible on Twisted's
    own ports, nor are the settings of a socket on a transport without ``getHandle``: ``ENOTSUP``.

    Args:
        socket: The socket, not bound yet.

    Raises:
        ERR_SOCKET_ALREADY_BOUND, ERR_SOCKET_DGRAM_NOT_RUNNING: It is bound or closed.
    """

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._receiver: Receiver | None = None
        self._poller = socket._await_link()

    def startProtocol(self) -> None:
        """The transport is there."""
        self._link = ForeignLink(self.transport, self._poller)
        self._receiver = self._socket._link_to(self._link)

    def stopProtocol(self) -> None:
        """It is gone."""
        self._poller.ticks.call(self, self._socket._lost)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if self._receiver is not None:
            self._link.received += 1
            self._poller.ticks.call(self, self._receiver.received, [datagram], (addr,))

    def connectionRefused(self) -> None:
        if self._receiver is not None:
            error = systemError(errno.ECONNREFUSED, "recvmsg")
            self._poller.ticks.call(self, self._receiver.failed, error)


@implementer(IDatagramLink)
class ForeignLink:
    """Makes of a Twisted UDP transport what a socket needs."""

    queue: SendQueue
    received = 0

    def __init__(self, transport: Any, poller: Poller) -> None:
        self.poller = poller
        self._transport = transport
        self._peer: tuple[Any, ...] | None = None
        self._open = True

    # -- as a socket needs it ---------------------------------------------------------------

    @property
    def socket(self) -> socket.socket:
        """The transport's socket.

        Raises:
            OSError: ``ENOTSUP``, it shows none.
        """
        if not hasattr(self._transport, "getHandle"):
            raise OSError(errno.ENOTSUP, "the transport shows no socket")
        handle: socket.socket = self._transport.getHandle()
        return handle

    def bind(self, raw: Any) -> None:
        """It is bound.

        Raises:
            OSError: ``EINVAL``, always.
        """
        raise OSError(errno.EINVAL, "bound already")

    def detail(self) -> None:
        """Nothing: a transport tells no more of a datagram than its sender."""

    def reportErrors(self) -> None:
        """Nothing: a transport tells no more than `connectionRefused`."""

    def startReading(self) -> None:
        """The transport reads already."""

    def connect(self, raw: tuple[Any, ...]) -> None:
        """Have the transport connect."""
        self.queue.flush()
        try:
            self._transport.connect(raw[0], raw[1])
        except OSError:
            raise
        except Exception as error:
            raise _refusal(error) from error
        self._peer = raw
        self.queue.turn(connected=True)

    def disconnect(self) -> None:
        """Have it disconnect, if it can."""
        if not hasattr(self._transport, "disconnect"):
            raise OSError(errno.ENOTSUP, "the transport cannot disconnect")
        self.queue.flush()
        self._transport.disconnect()
        self._peer = None
        self.queue.turn(connected=False)

    def localAddress(self) -> tuple[Any, ...]:
        """Where the transport listens."""
        host = self._transport.getHost()
        return host.host, host.port

    def remoteAddress(self) -> tuple[Any, ...]:
        """The peer."""
        if self._peer is None:
            raise OSError(errno.ENOTCONN, "no peer")
        return self._peer

    def close(self) -> None:
        """Stop the transport; what has not left is canceled."""
        if self._open:
            self._open = False
            self.queue.cancel()
            stopped = maybeDeferred(self._transport.stopListening)
            stopped.addErrback(lambda failure: _log.failure("cannot stop", failure=failure))

    def ref(self) -> None:
        """What keeps the program going is not nodenet's to say."""

    def unref(self) -> None:
        """As `ref`."""

    def describe(self) -> str:
        """Where it listens, and through what."""
        if not self._open:
            return "closed"
        return f"{self._transport.getHost()} through {type(self._transport).__name__}"

    # -- as the send queue needs it: a handle and a socket ----------------------------------

    def fileno(self) -> int:
        """None that could be written to."""
        return -1

    def startWriting(self) -> None:
        """Something waits: a transport does not say when it can take more."""
        self.poller.callLater(_PAUSE, self.queue.resume, ref=False)

    def stopWriting(self) -> None:
        """Nothing waits."""

    def send(self, datagram: bytes) -> None:
        """Send to the peer."""
        self._write(datagram, None)

    def sendto(self, datagram: bytes, raw: Sequence[Any]) -> None:
        """Send to an address."""
        self._write(datagram, (raw[0], raw[1]))

    def sendmsg(
        self, datagram: list[bytes], control: ControlMessages, flags: int, raw: Any
    ) -> None:
        """Refuse: a transport takes no control messages.

        Raises:
            OSError: ``ENOTSUP``, always.
        """
        raise OSError(errno.ENOTSUP, "the transport takes no control messages")

    def _write(self, datagram: bytes, address: tuple[str, int] | None) -> None:
        try:
            self._transport.write(datagram, address)
        except OSError:
            raise
        except Exception as error:
            raise _refusal(error) from error


def _refusal(error: Exception) -> OSError:
    """What a transport has raised, as the kernel would word it."""
    for kind, number in _WORDS.items():
        if isinstance(error, kind):
            return OSError(number, str(error))
    _log.failure("a transport failed", failure=Failure(error))
    return OSError(errno.EIO, str(error))
