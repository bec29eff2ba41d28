"""A UDP port for Twisted's protocols: `IUDPTransport`, `IMulticastTransport`, `IListeningPort`.

Law: only `stopListening` closes it; what the protocol has written before still leaves; the protocol
hears `doStop` exactly once, and last.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.interfaces import IListeningPort, IMulticastTransport, IUDPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.addresses import isIP
from nodenet.errors import systemError
from nodenet.interfaces import IDatagramReceiver
from nodenet.loop import pollerOf
from nodenet.transports._udp_groups import MulticastGroups
from nodenet.transports._udp_peers import Destinations, Senders
from nodenet.transports.udp import UDPDescriptor
from nodenet.transports.udp_address import NOWHERE, destination
from nodenet.transports.udp_queue import SEND_QUEUE_LIMIT

_log = Logger(namespace="nodenet")

_LONGEST: Final = {socket.AF_INET: 65_507, socket.AF_INET6: 65_527}


@implementer(IListeningPort, IMulticastTransport, IUDPTransport, IDatagramReceiver)
class UDPPort(MulticastGroups):
    """Runs a Twisted `DatagramProtocol`.

    Beyond Twisted's own port: datagrams are read and sent in batches and never cut; a full kernel
    delays them; an ICMP error does not close the port; both families have all of multicast; and
    ``fe80::1%eth0`` is an address.

    Args:
        protocol: The `DatagramProtocol`.
        port: The port, 0 for a free one.
        interface: The address; empty: all of IPv4, ``'::'``: all of IPv6.
        reuseAddr: Bind also where another socket is bound.
        reusePort: Share the port with others that do.
        ipv6Only: ``'::'`` does not also take IPv4.
        bound: A socket that is bound already, which becomes this port's; what says where and how
            to bind does not count then.
        peer: An IP address and a port: the port is connected with it before the protocol starts.
        reactor: The reactor; by default Twisted's global one.

    Raises:
        InvalidAddressError: `interface` is no address.
    """

    sendQueueLimit = SEND_QUEUE_LIMIT
    """Bytes that may wait while the kernel is full; what is written beyond is lost, and logged."""

    segmentation = True
    """Whether runs of equal datagrams to a peer leave in one piece where the kernel can cut it."""

    def __init__(
        self,
        protocol: Any,
        port: int,
        interface: str = "",
        *,
        reuseAddr: bool = False,
        reusePort: bool = False,
        ipv6Only: bool = False,
        bound: socket.socket | None = None,
        peer: tuple[str, int] | None = None,
        reactor: Any = None,
    ) -> None:
        if interface and not isIP(interface):
            raise InvalidAddressError(interface, "not an IPv4 or IPv6 address.")
        self.protocol = protocol
        self.family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        if bound is not None:
            self.family = bound.family
        self._socket = bound
        self._poller = pollerOf(reactor)
        self._wanted = (interface or "0.0.0.0", port)
        self._options = {
            (socket.SOL_SOCKET, socket.SO_REUSEADDR): reuseAddr,
            (socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", 0)): reusePort,
            (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY): ipv6Only and ":" in interface,
        }
        self._descriptor: UDPDescriptor | None = None
        self._peer: tuple[str, int] | None = None
        self._meets = peer
        self._senders = Senders()
        self._destinations = Destinations(self.family)
        self._stopped: Deferred[None] | None = None

    # -- IListeningPort ---------------------------------------------------------------------

    def startListening(self) -> None:
        """Bind, start the protocol, begin to read.

        Raises:
            CannotListenError: The system refused; the error is also an `OSError` in Node's words.
            ConnectError: It refused the peer.
        """
        skt, self._socket = self._socket or self._bind(), None
        descriptor = self._descriptor = self._new_descriptor(skt)
        descriptor.queue.limit = self.sendQueueLimit
        if not self.segmentation:
            descriptor.sendWhole()
        if self._meets is not None:
            try:
                self.connect(*self._meets)
            except Exception:
                descriptor.close()
                raise
        _log.info("{protocol} starting on {host}", protocol=self._name(), host=self.getHost())
        self.protocol.makeConnection(self)
        descriptor.startReading()

    def stopListening(self) -> Deferred[None]:
        """Send what has been written, close, stop the protocol.

        Returns:
            A Deferred that fires when that is done.

        Raises:
            OSError: ``EBADF``, it has never listened.
        """
        if self._stopped is None:
            descriptor = self._open
            self._stopped = Deferred()
            _log.info("{protocol} stopped on {host}", protocol=self._name(), host=self.getHost())
            descriptor.queue.flush()
            descriptor.close()
            self._poller.nextTick(self._stop)
        return self._stopped

    def loseConnection(self) -> None:
        """Do what `stopListening` does."""
        self.stopListening()

    def getHost(self) -> IPv4Address | IPv6Address:
        raw = self._open.localAddress()
        return IPv6Address("UDP", *raw) if len(raw) > 2 else IPv4Address("UDP", *raw)

    # -- IUDPTransport ----------------------------------------------------------------------

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        """Send a datagram when the running handler has returned.

        What the system says against it later is logged, for Twisted has no word for that.

        Args:
            packet: The datagram.
            addr: An IP address (or ``'<broadcast>'``) and a port; None on a connected port.

        Raises:
            MessageLengthError: It is longer than UDP can carry.
            InvalidAddressError: `addr` is a name, or of the wrong family.
            OverflowError: Its port is none.
        """
        queue = self._open.queue
        if queue.connected:
            if addr is not None and tuple(addr) != self._peer:
                raise ValueError(f"connected to {self._peer}, not to {addr}")
            to = NOWHERE
        elif addr is None:
            raise TypeError("write() on an unconnected port needs an address")
        else:
            to = self._destinations[addr]
        if not isinstance(packet, bytes):
            packet = memoryview(packet).tobytes()
        if len(packet) > _LONGEST[self.family]:
            raise MessageLengthError("message too long")
        queue.send(packet, to)

    def writeSequence(self, seq: Sequence[bytes], addr: tuple[str, int] | None = None) -> None:
        """Send one datagram of several parts."""
        self.write(b"".join(seq), addr)

    def connect(self, host: str, port: int) -> None:
        """Send to, and hear, this peer only; the protocol may hear `connectionRefused`.

        Args:
            host: An IP address.
            port: A port.

        Raises:
            RuntimeError: The port is connected already.
            ValueError: `host` is no IP address.
            ConnectError: The system refused.
        """
        if self._open.queue.connected:
            raise RuntimeError("already connected, reconnecting is not currently supported")
        if not isIP(host):
            raise InvalidAddressError(host, "not an IPv4 or IPv6 address.")
        try:
            self._open.connect(destination(host, port, self.family).raw)
        except OSError as error:
            raise systemError(error, "connect", host, port) from None
        self._peer = (host, port)

    def disconnect(self) -> None:
        """Send to, and hear, anybody again."""
        self._open.disconnect()
        self._peer = None

    def setBroadcastAllowed(self, enabled: bool) -> None:
        self._open.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, bool(enabled))

    def getBroadcastAllowed(self) -> bool:
        return bool(self._open.socket.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST))

    def getHandle(self) -> socket.socket:
        """The socket; it stays this port's."""
        return self._open.socket

    # -- from the descriptor ----------------------------------------------------------------

    def received(self, datagrams: list[bytes], sources: Sequence[Any]) -> None:
        """Hand over datagrams, each with Twisted's address of its sender."""
        senders, ticks = self._senders, self._poller.ticks
        for datagram, source in zip(datagrams, sources, strict=False):
            try:
                self.protocol.datagramReceived(datagram, senders[source])
            except Exception:
                self._poller.uncaught(Failure(), self)
            if ticks.queue and ticks.depth == 1:
                ticks.drain()

    def receivedOne(self, datagram: bytes, source: Any) -> None:
        """Hand over a datagram that came alone."""
        self.protocol.datagramReceived(datagram, self._senders[source])

    def failed(self, error: OSError) -> None:
        """Tell the protocol, or the log, behind the running handler."""
        self._poller.nextTick(self._report, error)

    def _report(self, error: OSError) -> None:
        if self._stopped is not None:
            return
        if error.errno == errno.ECONNREFUSED:
            self.protocol.connectionRefused()
        else:
            _log.warn("{port!r}: {error}", port=self, error=error)

    def lost(self) -> None:
        if self._stopped is None:
            self._stopped = Deferred()
            self._stop()

    def __repr__(self) -> str:
        state = "not listening" if self._descriptor is None else self._descriptor.describe()
        return f"<{type(self).__name__} of {type(self.protocol).__name__}, {state}>"

    # -- private ----------------------------------------------------------------------------

    @property
    def _open(self) -> UDPDescriptor:
        if self._descriptor is None:
            raise systemError(errno.EBADF, "getsockname")
        return self._descriptor

    def _name(self) -> str:
        """The protocol as Twisted's log names it."""
        prefix = getattr(self.protocol, "logPrefix", None)
        return str(type(self.protocol).__name__ if prefix is None else prefix())

    def _bind(self) -> socket.socket:
        address, port = self._wanted
        skt = self._new_socket()
        try:
            for (level, option), wanted in self._options.items():
                if wanted:
                    skt.setsockopt(level, option, 1)
            skt.bind(destination(address, port, self.family).raw)
        except OSError as error:
            skt.close()
            raise systemError(error, "bind", address, port) from None
        return skt

    def _new_socket(self) -> socket.socket:
        return socket.socket(self.family, socket.SOCK_DGRAM)

    def _new_descriptor(self, skt: socket.socket) -> UDPDescriptor:
        return UDPDescriptor(self._poller, skt, self)

    def _stop(self) -> None:
        try:
            self.protocol.doStop()
        finally:
            if self._stopped is not None:
                self._poller.queueMicrotask(self._stopped.callback, None)


def listenUDP(
    port: int,
    protocol: Any,
    interface: str = "",
    maxPacketSize: int = 8192,
    *,
    reactor: Any = None,
    **options: Any,
) -> UDPPort:
    """Run a `DatagramProtocol`, as ``reactor.listenUDP`` does, on a `UDPPort`.

    Args:
        port: The port, 0 for a free one.
        protocol: The protocol.
        interface: The address; empty: all of IPv4.
        maxPacketSize: Only there because Twisted has it: no datagram is cut.
        reactor: The reactor; by default Twisted's global one.
        options: ``reuseAddr``, ``reusePort``, ``ipv6Only``.

    Raises:
        CannotListenError: The system refused.
        InvalidAddressError: `interface` is no address.
    """
    made = UDPPort(protocol, port, interface, reactor=reactor, **options)
    made.startListening()
    return made
