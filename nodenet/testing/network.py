"""A network in memory: hosts whose UDP sockets reach each other, as reliably as a test wants it.

Law: the same seed, and the same datagrams in the same order, make the same trace. Nothing arrives
inside the call that sent it, and nothing but `trace` is kept of what has arrived.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorMulticast, IReactorUDP
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from nodenet import dgram
from nodenet.loop import pollerOf
from nodenet.options import checkInteger
from nodenet.testing._kernel import Kernel
from nodenet.testing._places import isAnywhere, isGroup, isLoopback, numeric, oserror
from nodenet.testing._ports import HostDescriptor, HostPort, HostSocket
from nodenet.testing._weather import Conditions
from nodenet.testing._wire import Wire
from nodenet.testing.clock import ClockedReactor
from nodenet.transports.udp_port import UDPPort

_CLOSED: Final = Failure(ConnectionDone())


class Network:
    """A UDP network for tests.

    ::

        network = Network(seed=7, loss=0.2, delay=0.05)
        server = network.host("192.0.2.1").createSocket("udp4")
        client = network.host("192.0.2.2").createSocket("udp4")
        server.bind(53)
        client.send("question", 53, "192.0.2.1")
        network.clock.advance(1)

    All chance comes from `seed`. Time is the network's own clock, which stands still until the
    test moves it; without `delay`, `jitter` and `bandwidth` nothing takes any, and arrives when the
    clock is moved or the reactor has its turn. What a host sends to itself is spared all this.

    Args:
        seed: An integer; what chance follows from.
        loss: Share of the datagrams that is lost, 0 to 1.
        duplication: Share that arrives twice.
        reordering: Share that the next datagram of the same way overtakes, or that comes 0.1
            seconds late.
        delay: Seconds from one host to another.
        jitter: Seconds that some datagrams take longer, at most.
        bandwidth: Bytes that a host can send in a second; what waits fills the send buffer of its
            socket, and then ``EAGAIN`` it is. None: as many as it likes.
        mtu: Bytes of the longest packet, IP's and UDP's headers included, 68 to 65,575; longer
            ones are refused with ``EMSGSIZE``.
        clock: What measures time: a `ClockedReactor`, or the reactor for real time.
        reactor: The Twisted reactor; the global one when left out.

    Attributes:
        clock: See above.
        trace: What became of the latest 1,000 datagrams, a line for each.

    Raises:
        ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: A condition is no such number.
    """

    def __init__(
        self, *, seed: int = 0, clock: Any = None, reactor: Any = None, **conditions: Any
    ) -> None:
        self._seed = checkInteger(seed, "seed")
        real = pollerOf(reactor)
        self.clock = ClockedReactor(real.reactor) if clock is None else clock
        self._wire = Wire(Conditions(**conditions), self._seed, self.clock, real)
        self.trace: deque[str] = self._wire.trace

    def host(self, *addresses: str) -> Host:
        """Add a host.

        Args:
            addresses: Its IPv4 and IPv6 addresses, at least one. ``127.0.0.1`` and ``::1`` it has
                anyway.

        Returns:
            The host.

        Raises:
            EINVAL: One is no address of a host.
            EADDRINUSE: Another host has it.
        """
        normal = tuple(map(numeric, addresses))
        if not normal or any(isGroup(one) or isAnywhere(one) or isLoopback(one) for one in normal):
            raise oserror(errno.EINVAL)
        if any(self._wire.owner(one) for one in normal):
            raise oserror(errno.EADDRINUSE)
        kernel = Kernel(self._wire, normal)
        self._wire.kernels.append(kernel)
        return Host(kernel)

    def change(self, **conditions: Any) -> None:
        """Let other conditions hold from now on: ``change(loss=1)`` cuts all lines.

        Args:
            conditions: As the network was made with; the others stay.

        Raises:
            ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: One is no such number.
        """
        self._wire.conditions = replace(self._wire.conditions, **conditions)

    def close(self) -> None:
        """Close every socket, and forget what is on its way."""
        for kernel in self._wire.kernels:
            Host(kernel).close()

    def report(self) -> str:
        """Return the conditions and the trace, to be read in the message of a failed test."""
        return "\n".join([repr(self), *self.trace])

    def __repr__(self) -> str:
        said = f"{type(self).__name__} seed={self._seed} {self._wire.conditions}"
        return f"<{said.rstrip()}>"


class Host:
    """One host of a `Network`; `Network.host` makes it.

    For programs of Twisted's it is a reactor, with `listenUDP`, `listenMulticast` and the
    network's time.

    Attributes:
        addresses: Its addresses.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.addresses = kernel.addresses
        self._kernel = kernel
        self._clock = kernel.wire.clock
        directlyProvides(self, providedBy(self._clock), IReactorUDP, IReactorMulticast)

    def createSocket(
        self, type: Any = None, callback: Callable[..., object] | None = None, **keywords: Any
    ) -> dgram.Socket:
        """Make a UDP socket on this host: `dgram.createSocket`, with the whole of `dgram.Socket`.

        Names are not looked up, ``'localhost'`` excepted.

        Args:
            type: ``'udp4'`` or ``'udp6'``, or a mapping of `dgram.SocketOptions`.
            callback: A listener of `'message'`.
            keywords: `dgram.SocketOptions`.

        Returns:
            The socket.

        Raises:
            ERR_SOCKET_BAD_TYPE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: An option is wrong.
        """
        return HostSocket(self._kernel, type, callback, **keywords)

    def listenUDP(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        **options: bool,
    ) -> UDPPort:
        """Run a `DatagramProtocol` on this host, as ``reactor.listenUDP`` does.

        Args:
            port: The port, 0 for a free one.
            protocol: The protocol.
            interface: The address; empty: all of IPv4.
            maxPacketSize: Only there because Twisted has it: no datagram is cut.
            options: ``reuseAddr``, ``reusePort``, ``ipv6Only``.

        Returns:
            The port, with all that Twisted's multicast has.

        Raises:
            CannotListenError: The port is taken, or the address is not this host's.
        """
        made = HostPort(self._kernel, protocol, port, interface, **options)
        made.startListening()
        return made

    def listenMulticast(
        self,
        port: int,
        protocol: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,
    ) -> UDPPort:
        """Do what `listenUDP` does, as ``reactor.listenMulticast``.

        Args:
            port, protocol, interface, maxPacketSize: See there.
            listenMultiple: Whether several may listen on one port.

        Returns:
            The port.

        Raises:
            CannotListenError: As there.
        """
        return self.listenUDP(port, protocol, interface, reuseAddr=listenMultiple)

    def close(self) -> None:
        """Close every socket of this host."""
        poller = self._kernel.wire.poller
        for handle in poller.openHandles():
            if isinstance(handle, HostDescriptor) and handle.kernel is self._kernel:
                poller.ticks.call(handle, handle.connectionLost, _CLOSED)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' '.join(self.addresses)}>"
