"""What others may provide to nodenet or take from it, as zope interfaces.

Law: nothing here imports nodenet or does anything; whoever provides one of these is checked with
``verifyObject``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol
from zope.interface import Attribute, Interface


class IStreamSink(Interface):
    """Who hears of the rare events of a stream link."""

    def readEnded() -> None:
        """The peer has ended its side: nothing more will be delivered."""

    def flushed() -> None:
        """All that waited (`send` returned False) or was held has left; nothing is queued."""

    def readFailed(error: OSError) -> None:
        """Reading failed; nothing more will be delivered. The link is not closed by it."""

    def writeFailed(error: OSError) -> None:
        """What waited could not be sent and was dropped. The link is not closed by it."""

    def reactorStopped() -> None:
        """The reactor stops; the link is closed next."""


class IStreamLink(Interface):
    """A connection as a `nodenet.net.Socket` uses one.

    Bytes leave in the order they were given. After `close` or `reset` the sink hears nothing
    more. No method calls the sink before it returns.
    """

    bytesRead = Attribute("Bytes received so far (int).")
    bytesSent = Attribute("Bytes handed on so far (int).")
    queued = Attribute("Bytes that wait to be sent (int).")
    held = Attribute("Whether these leave when the running handler has returned (bool).")
    reading = Attribute("Whether what arrives is delivered now (bool).")
    buffer = Attribute("Where to put what is received (memoryview), or None.")

    def attach(deliver: Callable[[bytes], object], sink: Any) -> None:
        """Say who gets the bytes and who (an `IStreamSink`) the rare events."""

    def send(data: bytes) -> bool:
        """Send or hold `data`; False: some of it waits, and the sink's `flushed` will follow."""

    def sendv(chunks: Sequence[bytes]) -> bool:
        """As `send`, for several chunks."""

    def shutdown() -> None:
        """End the sending side. Nothing may be queued."""

    def close() -> None:
        """Close; what is held leaves first, what waits is dropped."""

    def reset() -> None:
        """Close so that the peer sees a reset, where there is such a thing."""

    def startReading() -> None:
        """Deliver what arrives."""

    def stopReading() -> None:
        """Deliver nothing until `startReading`."""

    def ref() -> None:
        """Keep `nodenet.run` going while this is open."""

    def unref() -> None:
        """Let `nodenet.run` end although this is open."""

    def localAddress() -> tuple[Any, ...] | None:
        """The raw local address of an IP connection; None when there is none."""

    def remoteAddress() -> tuple[Any, ...] | None:
        """The raw peer address of an IP connection; None when there is none."""

    def describe() -> str:
        """Its state and addresses, for a `repr`."""


class IDatagramReceiver(Interface):
    """Who hears what comes to a datagram link.

    What these raise is reported, and keeps nothing else from being delivered.
    """

    def received(datagrams: list[bytes], sources: Sequence[Any]) -> None:
        """Datagrams, oldest first, and the raw address of each sender.

        The list becomes empty when the link is closed meanwhile.
        """

    def receivedOne(datagram: bytes, source: Any) -> None:
        """A datagram that came alone."""

    def failed(error: OSError) -> None:
        """Receiving failed, or sending a datagram that has no callback. The link stays open."""

    def lost() -> None:
        """The reactor stops: the link is closed already."""


class IDatagramLink(Interface):
    """A transport of datagrams as a `nodenet.dgram.Socket` uses one.

    What it cannot do raises an `OSError`: ``ENOTSUP``. After `close` the receiver hears nothing.
    """

    received = Attribute("How many datagrams were read (int).")
    queue = Attribute("What is sent (a `nodenet.transports.udp_queue.SendQueue`).")
    socket = Attribute("The `socket.socket` below, for options.")

    def bind(raw: Any) -> None:
        """Bind to a raw address."""

    def connect(raw: Any) -> None:
        """Send to, and hear, this peer only."""

    def disconnect() -> None:
        """Send to, and hear, anybody again."""

    def detail() -> None:
        """Tell from now on where each datagram was sent to, and its class."""

    def reportErrors() -> None:
        """Tell of ICMP errors from now on, each with its destination."""

    def startReading() -> None:
        """Deliver what arrives."""

    def localAddress() -> tuple[Any, ...]:
        """The raw local address."""

    def remoteAddress() -> tuple[Any, ...]:
        """The raw address of the connected peer."""

    def close() -> None:
        """Close; what has not left is canceled."""

    def ref() -> None:
        """Keep `nodenet.run` going while this is open."""

    def unref() -> None:
        """Let `nodenet.run` end although this is open."""

    def describe() -> str:
        """Its addresses, for a `repr`."""


class INodeStreamEndpoint(Interface):
    """Where connections are taken by a listener of Node's kind."""

    def serve(connectionListener: Callable[[Any], object]) -> Any:
        """Bind, and call `connectionListener` with the `nodenet.net.Socket` of each connection.

        Returns:
            The `nodenet.net.Server`. It is bound; ``'listening'`` follows.

        Raises:
            OSError: The system refused.
        """


class INodeDatagramEndpoint(Interface):
    """Where datagrams are taken by a listener of Node's kind."""

    def serve(listener: Callable[[bytes, Any], object]) -> Any:
        """Bind, and call `listener` with each datagram and its sender.

        Returns:
            The `nodenet.dgram.Socket`, bound.

        Raises:
            OSError: The system refused.
        """


class IDatagramServerEndpoint(Interface):
    """Where datagrams are received. The name is that of Twisted's ticket 4471."""

    def listen(protocol: DatagramProtocol) -> Deferred[IListeningPort]:
        """Bind, and run `protocol` there.

        Returns:
            A Deferred of the port; it fails with the error of the bind.
        """


class IDatagramClientEndpoint(Interface):
    """A peer to exchange datagrams with. The name is that of Twisted's ticket 4471."""

    def connect(protocol: DatagramProtocol) -> Deferred[IListeningPort]:
        """Run `protocol` on a transport that is connected with the peer.

        Returns:
            A Deferred of the transport; it fails with what kept it from being connected.
        """


class IDatagramClientEndpointStringParser(Interface):
    """A plugin that reads the endpoint strings of one prefix, for datagrams to a peer."""

    prefix = Attribute("What such a string begins with (str), without the colon.")

    def parseDatagramClient(reactor: Any, *args: Any, **kwargs: Any) -> IDatagramClientEndpoint:
        """Make the endpoint from the arguments of a string."""


class IDatagramServerEndpointStringParser(Interface):
    """A plugin that reads the endpoint strings of one prefix, for datagrams."""

    prefix = Attribute("What such a string begins with (str), without the colon.")

    def parseDatagramServer(reactor: Any, *args: Any, **kwargs: Any) -> IDatagramServerEndpoint:
        """Make the endpoint from the arguments of a string."""
