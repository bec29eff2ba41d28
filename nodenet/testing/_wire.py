"""What joins the hosts of a fake network.

Law: whatever becomes of a datagram between two hosts is decided here, when it is sent, and is a
line of `trace`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from nodenet.loop import Poller
from nodenet.testing._agenda import Agenda
from nodenet.testing._places import BROADCAST, isGroup, written
from nodenet.testing._poller import MemoryPoller
from nodenet.testing._weather import Conditions, Weather

if TYPE_CHECKING:
    from nodenet.testing._control import Packet
    from nodenet.testing._datagrams import DatagramSocket
    from nodenet.testing._kernel import Kernel

_TRACE: Final = 1_000  # lines that are kept, the latest ones
_OVERDUE: Final = 0.1  # seconds that one which shall be overtaken waits for another


class Wire:
    """Carries datagrams between kernels.

    Args:
        conditions: How well it does so.
        seed: What chance follows from.
        clock: What measures time.
        poller: The Poller of the real reactor.
    """

    def __init__(self, conditions: Conditions, seed: int, clock: Any, poller: Poller) -> None:
        self.conditions = conditions
        self.clock = clock
        self.poller = MemoryPoller(poller)
        self.kernels: list[Kernel] = []
        self.trace: deque[str] = deque(maxlen=_TRACE)
        self._weather = Weather(seed)
        self._agenda = Agenda(clock, lambda: self.poller.turn(self._agenda.advance))
        # of each way, what lets the datagram arrive that waits to be overtaken
        self._waiting: dict[tuple[Kernel, Kernel], Callable[[float], None]] = {}

    def owner(self, address: str) -> Kernel | None:
        """Whose address it is."""
        return next((kernel for kernel in self.kernels if address in kernel.addresses), None)

    def carry(self, sender: Kernel, skt: DatagramSocket, packet: Packet) -> None:
        """A socket sends a datagram."""
        near, far = self._receivers(sender, skt, packet.target[0])
        if near:
            self._agenda.at(0, sender.arrived, packet)
        elif not far:
            self._tell(packet, "nobody there")
        leaving = sender.leave(len(packet.data), self.conditions.bandwidth) if far else 0
        for receiver in far:
            self._expose(leaving, sender, receiver, packet)
        self._agenda.at(leaving, skt.left, len(packet.data))
        self._agenda.advance()

    def refused(self, receiver: Kernel, packet: Packet) -> None:
        """Nobody listens there: that is told to the sender, if it is one of ours."""
        source = packet.source[0]
        sender = receiver if receiver.owns(source) else self.owner(source)
        if sender is not None:
            self._tell(packet, "port unreachable")
            delay = 0 if sender is receiver else self.conditions.delay
            self._agenda.at(delay, sender.refused, packet)

    def dropped(self, packet: Packet) -> None:
        """A receive buffer is full."""
        self._tell(packet, "dropped: receive buffer full")

    def emptied(self) -> None:
        """A socket was closed: with the last one, what is on its way has nowhere to go."""
        if not any(kernel.sockets for kernel in self.kernels):
            self._agenda.clear()
            self._waiting.clear()

    # -- private ----------------------------------------------------------------------------

    def _receivers(self, sender: Kernel, skt: DatagramSocket, to: str) -> tuple[bool, list[Kernel]]:
        """Whether the sender gets it itself, and who else does."""
        if sender.owns(to):
            return True, []
        others = [kernel for kernel in self.kernels if kernel is not sender]
        if to == BROADCAST:
            return True, others
        if isGroup(to):
            beyond, loops = skt.options.reach()
            return loops, [kernel for kernel in others if beyond and kernel.joined(to)]
        return False, [kernel for kernel in others if to in kernel.addresses]

    def _expose(self, leaving: float, sender: Kernel, receiver: Kernel, packet: Packet) -> None:
        """A datagram leaves for another host, in so many seconds: chance has its way."""
        fate = self._weather.fate(self.conditions)
        self._tell(packet, str(fate))
        way = (sender, receiver)
        overtaken = self._waiting.pop(way, None)
        for delay in fate.delays:
            if fate.overtaken:
                self._hold(way, leaving + delay, packet)
            else:
                self._agenda.at(leaving + delay, receiver.arrived, packet)
        if overtaken is not None:
            overtaken(leaving + max(fate.delays, default=0))

    def _hold(self, way: tuple[Kernel, Kernel], delay: float, packet: Packet) -> None:
        """Let it arrive behind the next one of its way, or late."""
        arrived, waits = way[1].arrived, True

        def release(least: float) -> None:
            nonlocal waits
            if waits:
                waits = False
                self._agenda.at(max(delay, least), arrived, packet)

        def overdue() -> None:
            nonlocal waits
            if waits:
                waits = False
                arrived(packet)

        self._waiting[way] = release
        self._agenda.at(delay + _OVERDUE, overdue)

    def _tell(self, packet: Packet, fate: str) -> None:
        way = f"{written(packet.source)} > {written(packet.target)}"
        self.trace.append(f"{self.clock.seconds():.3f} {way} {len(packet.data)} bytes: {fate}")
