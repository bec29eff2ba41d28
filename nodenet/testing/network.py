"""A network in memory: hosts whose UDP sockets reach each other, as reliably as a test wants it.

Law: the same seed, and the same datagrams in the same order, make the same trace. Nothing arrives
inside the call that sent it, and nothing but `trace` is kept of what has arrived.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import Any, ClassVar, Final

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IReactorMulticast, IReactorUDP
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from nodenet import dgram
from nodenet.loop import pollerOf
from nodenet.options import checkInteger
from nodenet.testing._datagrams import DatagramSocket, Packet
from nodenet.testing._places import (
    BROADCAST,
    LOOPBACK,
    familyOf,
    isAnywhere,
    isGroup,
    isLoopback,
    numeric,
    oserror,
    written,
)
from nodenet.testing._poller import MemoryPoller
from nodenet.testing._ports import HostDescriptor, HostPort, HostSocket
from nodenet.testing._weather import Conditions, Weather
from nodenet.testing.clock import ClockedReactor
from nodenet.transports.udp_port import UDPPort

_TRACE: Final = 1_000  # lines that are kept, the latest ones
_OVERDUE: Final = 0.1  # seconds that one which shall be overtaken waits for another
_FIRST_PORT: Final = 50_001
_PORTS: Final = 65_535 - _FIRST_PORT + 1
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
    test moves it; without `delay`, `jitter` and `bandwidth` nothing takes any. What a host sends to
    itself is spared all this.

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
        self._conditions = Conditions(**conditions)
        real = pollerOf(reactor)
        self.reactor = real.reactor
        self.clock = ClockedReactor(self.reactor) if clock is None else clock
        self.poller = MemoryPoller(real)
        self.trace: deque[str] = deque(maxlen=_TRACE)
        self._weather = Weather(self._seed)
        self._hosts: list[Host] = []
        self._order = count()
        # what is on its way: when it is due, in which order, what is to be done then
        self._coming: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._alarm: IDelayedCall | None = None
        self._overtaken: dict[tuple[Host, Host], Callable[[float], None]] = {}

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
        if any(self._host_of(one) for one in normal):
            raise oserror(errno.EADDRINUSE)
        self._hosts.append(Host(self, normal))
        return self._hosts[-1]

    def change(self, **conditions: Any) -> None:
        """Let other conditions hold from now on: ``change(loss=1)`` cuts all lines.

        Args:
            conditions: As the network was made with; the others stay.

        Raises:
            ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: One is no such number.
        """
        self._conditions = replace(self._conditions, **conditions)

    def close(self) -> None:
        """Close every socket, and forget what is on its way."""
        for host in self._hosts:
            host.close()
        self._forget()

    def report(self) -> str:
        """Return the conditions and the trace, to be read in the message of a failed test."""
        return "\n".join([repr(self), *self.trace])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} seed={self._seed} {self._conditions}".rstrip() + ">"

    # -- from the hosts ---------------------------------------------------------------------

    @property
    def mtu(self) -> int:
        """Bytes of the longest packet."""
        return self._conditions.mtu

    def carry(self, sender: Host, skt: DatagramSocket, packet: Packet) -> None:
        """A host sends a datagram."""
        near, far = self._receivers(sender, skt, packet.target[0])
        if near:
            self._at(0, sender.arrived, packet)
        if not far and not near:
            self._tell(packet, "nobody there")
        leaving = sender.leave(len(packet.data), self._conditions.bandwidth) if far else 0
        for receiver in far:
            self._expose(leaving, sender, receiver, packet)
        self._at(leaving, skt.left, len(packet.data))
        self._arrivals()

    def refused(self, receiver: Host, packet: Packet) -> None:
        """Nobody listens there: that is told to the sender, if it is one of ours."""
        source = packet.source[0]
        sender = receiver if receiver.owns(source) else self._host_of(source)
        if sender is not None:
            self._tell(packet, "port unreachable")
            delay = 0 if sender is receiver else self._conditions.delay
            self._at(delay, sender.refused, packet)

    def dropped(self, packet: Packet) -> None:
        """A receive buffer is full."""
        self._tell(packet, "dropped: receive buffer full")

    def emptied(self) -> None:
        """A socket was closed: with the last one, what is on its way has nowhere to go."""
        if not any(host.sockets for host in self._hosts):
            self._forget()

    # -- private ----------------------------------------------------------------------------

    def _host_of(self, address: str) -> Host | None:
        return next((host for host in self._hosts if address in host.addresses), None)

    def _receivers(self, sender: Host, skt: DatagramSocket, to: str) -> tuple[bool, list[Host]]:
        """Whether the sender gets it itself, and who else does."""
        if sender.owns(to):
            return True, []
        others = [host for host in self._hosts if host is not sender]
        if to == BROADCAST:
            return True, others
        if isGroup(to):
            beyond, loops = skt.options.reach()
            return loops, [host for host in others if beyond and host.joined(to)]
        return False, [host for host in others if to in host.addresses]

    def _expose(self, leaving: float, sender: Host, receiver: Host, packet: Packet) -> None:
        """A datagram leaves for another host, after so many seconds: chance has its way."""
        fate = self._weather.fate(self._conditions)
        self._tell(packet, _described(fate.delays, fate.overtaken))
        way = (sender, receiver)
        before = self._overtaken.pop(way, None)
        for delay in fate.delays:
            if fate.overtaken:
                self._hold(way, leaving + delay, packet)
            else:
                self._at(leaving + delay, receiver.arrived, packet)
        if before is not None:
            before(leaving + max(fate.delays, default=0))

    def _hold(self, way: tuple[Host, Host], delay: float, packet: Packet) -> None:
        """Let it arrive behind the next one of its way, or late."""
        arrived, waits = way[1].arrived, True

        def release(least: float) -> None:
            nonlocal waits
            if waits:
                waits = False
                self._at(max(delay, least), arrived, packet)

        def overdue() -> None:
            nonlocal waits
            if waits:
                waits = False
                arrived(packet)

        self._overtaken[way] = release
        self._at(delay + _OVERDUE, overdue)

    def _at(self, delay: float, act: Callable[..., object], *args: Any) -> None:
        heappush(self._coming, (self.clock.seconds() + delay, next(self._order), act, args))

    def _arrivals(self) -> None:
        """Do what is due, in order; wait for the rest."""
        coming = self._coming
        while coming and coming[0][0] <= self.clock.seconds():
            _, _, act, args = heappop(coming)
            act(*args)
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._alarm = None
        if coming:
            delay = max(coming[0][0] - self.clock.seconds(), 0)
            self._alarm = self.clock.callLater(delay, self._rung)

    def _rung(self) -> None:
        self._alarm = None
        self.poller.ticks.call(self, self._due)

    def _due(self) -> None:
        self._arrivals()
        if self.poller.ticks.depth == 1:
            self.poller.serveAll()

    def _forget(self) -> None:
        self._coming.clear()
        self._overtaken.clear()
        self._arrivals()

    def _tell(self, packet: Packet, fate: str) -> None:
        way = f"{written(packet.source)} > {written(packet.target)}"
        self.trace.append(f"{self.clock.seconds():.3f} {way} {len(packet.data)} bytes: {fate}")


class Host:
    """One host of a `Network`; `Network.host` makes it.

    For programs of Twisted's it is a reactor, with `listenUDP`, `listenMulticast` and the
    network's time.

    Attributes:
        network: The network.
        addresses: Its addresses.
    """

    INDEX: ClassVar = 1
    """The index of its one interface."""

    def __init__(self, network: Network, addresses: tuple[str, ...]) -> None:
        self.network = network
        self.addresses = addresses
        self.poller = network.poller
        self.sockets: list[DatagramSocket] = []
        self._ports = count()
        self._free_at = 0.0
        directlyProvides(self, providedBy(network.clock), IReactorUDP, IReactorMulticast)

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
        return HostSocket(self, type, callback, **keywords)

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
        made = HostPort(self, protocol, port, interface, **options)
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
        """Do what `listenUDP` does; with `listenMultiple` several may listen on one port."""
        return self.listenUDP(port, protocol, interface, reuseAddr=listenMultiple)

    def close(self) -> None:
        """Close every socket of this host."""
        for handle in self.poller.openHandles():
            if isinstance(handle, HostDescriptor) and handle.host is self:
                self.poller.ticks.call(handle, handle.connectionLost, _CLOSED)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network.clock, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' '.join(self.addresses)}>"

    # -- from its sockets -------------------------------------------------------------------

    @property
    def mtu(self) -> int:
        """Bytes of the longest packet."""
        return self.network.mtu

    def bind(self, skt: DatagramSocket, address: str, port: int) -> None:
        """Give a socket its place.

        :raises OSError: as the kernel words it.
        """
        if not (isAnywhere(address) or isGroup(address) or self.owns(address)):
            raise oserror(errno.EADDRNOTAVAIL)
        before, skt.address = skt.address, address
        if not port:
            port = self._free_port()
        elif any(_conflict(skt, other) for other in self.sockets if other.port == port):
            skt.address = before
            raise oserror(errno.EADDRINUSE)
        skt.port = port
        self.sockets.append(skt)

    def unbind(self, skt: DatagramSocket) -> None:
        """A socket was closed."""
        if skt in self.sockets:
            self.sockets.remove(skt)
            self.network.emptied()

    def owns(self, address: str) -> bool:
        """Whether it is an address of this host."""
        return address in self.addresses or isLoopback(address)

    def addressFor(self, target: str) -> str:
        """The address that a datagram to `target` comes from.

        :raises OSError: ``ENETUNREACH``, there is none of that family.
        """
        if target in self.addresses:
            return target
        if isLoopback(target):
            return LOOPBACK[familyOf(target)]
        for address in self.addresses:
            if (":" in address) is (":" in target):
                return address
        raise oserror(errno.ENETUNREACH)

    def send(self, skt: DatagramSocket, packet: Packet) -> None:
        """A socket sends."""
        self.network.carry(self, skt, packet)

    # -- from the network -------------------------------------------------------------------

    def leave(self, size: int, bandwidth: float | None) -> float:
        """So many bytes leave; in how many seconds they have."""
        if bandwidth is None:
            return 0
        now = self.network.clock.seconds()
        self._free_at = max(self._free_at, now) + size / bandwidth
        return self._free_at - now

    def joined(self, group: str) -> bool:
        """Whether some socket may want what is sent to a group."""
        return any(skt.options.joined(group) for skt in self.sockets)

    def arrived(self, packet: Packet) -> None:
        """A datagram is here."""
        hearing = [skt for skt in self.sockets if skt.hears(packet)]
        to = packet.target[0]
        if not isGroup(to) and to != BROADCAST:
            if not hearing:
                self.network.refused(self, packet)
            # The one that is most particular, and of those the latest.
            hearing = sorted(hearing, key=_particular)[-1:]
        for skt in hearing:
            if not skt.receive(packet):
                self.network.dropped(packet)

    def refused(self, packet: Packet) -> None:
        """What was sent from here found nobody."""
        for skt in self.sockets:
            if skt.port == packet.source[1] and skt.covers(packet.source[0]):
                skt.refuse(packet)

    # -- private ----------------------------------------------------------------------------

    def _free_port(self) -> int:
        taken = {skt.port for skt in self.sockets}
        for _ in range(_PORTS):
            port = _FIRST_PORT + next(self._ports) % _PORTS
            if port not in taken:
                return port
        raise oserror(errno.EADDRINUSE)


def _conflict(new: DatagramSocket, other: DatagramSocket) -> bool:
    """Whether two sockets may not share their port."""
    for option in ("SO_REUSEADDR", "SO_REUSEPORT"):
        if new.shares(option) and other.shares(option):
            return False
    return new.covers(other.address) or other.covers(new.address)


def _particular(skt: DatagramSocket) -> tuple[bool, bool]:
    return skt.peer is not None, not isAnywhere(skt.address)


def _described(delays: tuple[float, ...], overtaken: bool) -> str:
    if not delays:
        return "lost"
    said = ", again ".join(f"after {delay:.3f} s" for delay in delays)
    return f"{said}, behind the next one" if overtaken else said
