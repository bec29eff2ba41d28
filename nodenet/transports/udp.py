"""A UDP descriptor: reads and sends in batches, and keeps going whatever the network reports.

Law: only `close` closes it; no error of the network does. One call reads a bounded number of
datagrams, so everything else stays served under a flood.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.errors import systemError
from nodenet.interfaces import IDatagramLink
from nodenet.loop import Handle, Poller
from nodenet.transports import udp_control
from nodenet.transports._buffers import buffersOf
from nodenet.transports._disconnect import disconnect
from nodenet.transports._mmsg import BATCH, CAPACITY, Inbox
from nodenet.transports._segments import SegmentingOutbox, segmentable
from nodenet.transports.udp_address import shown, text
from nodenet.transports.udp_queue import SendQueue

_ROUNDS: Final = 8  # batches read before others have their turn
# Datagrams in a batch that make it worth looking for more at once: when that has found some the
# last time, and when it has not.
_EAGER: Final = 2
_RELUCTANT: Final = 8
# Datagrams read one by one before a batch is tried again: at first, and when that finds no more.
_IMPATIENT: Final = 8
_PATIENT: Final = 256
_UNIX: Final = getattr(socket, "AF_UNIX", None)
_NOTHING: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})


class Receiver(Protocol):
    """Who owns a descriptor."""

    def received(self, datagrams: list[bytes], sources: Sequence[Any]) -> object:
        """Datagrams, oldest first, and who sent them (for `udp_address.unpacked`).

        `datagrams` becomes empty when the descriptor is closed. The list
        ``descriptor.queue.collected`` grows by what the handlers send: ``settled`` says up to
        where they have returned.
        """

    def receivedOne(self, datagram: bytes, source: Any) -> object:
        """One datagram that came alone. What this raises is reported by the Poller."""

    def failed(self, error: OSError) -> object:
        """Reading failed, or sending a datagram that has no callback."""

    def lost(self) -> object:
        """The reactor stops: the descriptor is closed."""


@implementer(IDatagramLink)
class UDPDescriptor(Handle):
    """A UDP socket; `receiver` hears what comes."""

    received = 0
    """How many datagrams were read."""

    def __init__(self, poller: Poller, skt: socket.socket, receiver: Receiver) -> None:
        super().__init__(poller, skt)
        self.family = skt.family
        self.queue = SendQueue(self, skt, receiver.failed)
        self._receiver = receiver
        self._buffers = None if skt.family == _UNIX else buffersOf(poller)
        self._patience = _IMPATIENT
        self._worth = _EAGER
        self._inbox = None if self._buffers is None else self._buffers.inbox(skt.family)
        self._take: Callable[[int], tuple[bytes, Any]] = skt.recvfrom
        self._singles = 0 if self._inbox is None else _IMPATIENT
        self._reporting = False
        self._arrived: list[bytes] = []
        self._cuts = self._buffers is not None and segmentable(skt)
        self._choose_outbox()

    @classmethod
    def open(cls, poller: Poller, family: int, receiver: Receiver) -> UDPDescriptor:
        """A new one, unbound."""
        return cls(poller, socket.socket(family, socket.SOCK_DGRAM), receiver)

    @property
    def socket(self) -> socket.socket:
        """For options. It stays this descriptor's."""
        return self._socket

    def detail(self) -> None:
        """Have the sources of datagrams be `udp_control.Arrival`s.

        Raises:
            OSError: As the kernel words it.
        """
        udp_control.askForDetails(self._socket)
        self._read_singly()
        self._take = partial(udp_control.receive, self._socket)

    def reportErrors(self) -> None:
        """Tell the receiver of ICMP errors, each with the destination that it is about.

        Raises:
            OSError: As the kernel words it.
        """
        udp_control.askForErrors(self._socket)
        self._read_singly()
        self._reporting = self.queue.suspect = True

    def sendWhole(self) -> None:
        """Have the kernel cut nothing: each datagram is sent as such."""
        self._cuts = False
        self._choose_outbox()

    # -- addresses --------------------------------------------------------------------------

    def bind(self, raw: Any) -> None:
        """Bind to a raw address.

        Raises:
            OSError: As the kernel words it.
        """
        self._socket.bind(raw)

    def connect(self, raw: Any) -> None:
        """Send to, and hear, this peer only.

        Raises:
            OSError: As the kernel words it.
        """
        self.queue.flush()
        self._socket.connect(raw)
        self.queue.turn(connected=True)
        self._choose_outbox()

    def disconnect(self) -> None:
        """Send to, and hear, anybody again.

        Raises:
            OSError: As the kernel words it.
        """
        self.queue.flush()
        disconnect(self._socket)
        self.queue.turn(connected=False)
        self._choose_outbox()

    def localAddress(self) -> tuple[Any, ...]:
        """The raw local address.

        Raises:
            OSError: As the kernel words it.
        """
        return tuple(self._socket.getsockname())

    def remoteAddress(self) -> tuple[Any, ...]:
        """The raw address of the connected peer.

        Raises:
            OSError: As the kernel words it.
        """
        return tuple(self._socket.getpeername())

    # -- closing ----------------------------------------------------------------------------

    def close(self) -> None:
        """Close now. What has not left is canceled: its callbacks get ``ECANCELED``."""
        if self._open:
            self._arrived.clear()  # the handlers of its other datagrams do not run
            self.queue.cancel()
            self.closeDescriptor()

    def connectionLost(self, reason: Failure) -> None:
        self.close()
        self._receiver.lost()

    def describe(self) -> str:
        if not self._open:
            return "closed"
        local = text(self.localAddress())
        return f"{local} - {text(self.remoteAddress())}" if self.queue.connected else local

    # -- from the Poller --------------------------------------------------------------------

    def doRead(self) -> None:
        """Read one datagram while they come one by one, else batches until few are left."""
        if self._singles:
            self._singles -= 1
            self._read_one()
        elif self._inbox is not None:
            self._read_batches(self._inbox)
        else:
            if self._reporting:
                self._read_errors()
            self._read_several()

    def doWrite(self) -> None:
        self.queue.resume()

    # -- private ----------------------------------------------------------------------------

    def _read_one(self) -> bool:
        try:
            datagram, source = self._take(CAPACITY)
        except OSError as error:
            self._not_read(error)
            return False
        self.received += 1
        queue = self.queue
        queue.scheduled = True
        try:
            self._receiver.receivedOne(datagram, source)
        finally:
            queue.scheduled = False
            if queue.collected:
                queue.flushOne()
        return True

    def _read_errors(self) -> None:
        for _ in range(BATCH):
            try:
                report = udp_control.receiveError(self._socket)
            except OSError:
                return  # no more of them
            address, port = shown(report.destination)
            error = systemError(report.errno, "recvmsg", address, port)
            vars(error).update(offender=report.offender, mtu=report.mtu)
            self._receiver.failed(error)

    def _read_several(self) -> None:
        ticks, turns = self.poller.ticks, BATCH
        while turns and self._open and self._read_one():
            turns -= 1
            if ticks.queue and ticks.depth == 1:
                ticks.drain()  # Node does between messages

    def _read_batches(self, inbox: Inbox) -> None:
        for turn in range(_ROUNDS):
            try:
                datagrams, sources = inbox.receive(self._descriptor)
            except OSError as error:
                self._not_read(error)
                return
            count = len(datagrams)
            if turn:
                self._worth = _EAGER if count else _RELUCTANT
            else:
                self._judge(count)
            if count:
                self._deliver(datagrams, sources)
            if count < self._worth or not self._open:
                return

    def _read_singly(self) -> None:
        self._inbox = None
        self._singles = 0

    def _judge(self, count: int) -> None:
        """A first batch had `count` datagrams: read one by one next, and how often."""
        if count > 1:
            self._patience = _IMPATIENT
        else:
            self._singles = self._patience
            self._patience = min(self._patience * 2, _PATIENT)

    def _deliver(self, datagrams: list[bytes], sources: Sequence[Any]) -> None:
        """Hand over a batch. What its handlers send leaves behind the last of them."""
        queue = self.queue
        self.received += len(datagrams)
        self._arrived = datagrams
        queue.held = queue.scheduled = True
        try:
            self._receiver.received(datagrams, sources)
        finally:
            queue.held = queue.scheduled = False
            if queue.collected:
                queue.flush()

    def _not_read(self, error: OSError) -> None:
        if error.errno == errno.ENOSYS:
            self._read_singly()  # a sandbox, perhaps
        elif error.errno not in _NOTHING:
            self._receiver.failed(systemError(error, "recvmsg"))

    def _choose_outbox(self) -> None:
        buffers, queue = self._buffers, self.queue
        if buffers is not None:
            family = None if queue.connected else self.family
            outbox = buffers.outbox(family)
            queue.outbox = (
                SegmentingOutbox(outbox, buffers.segments(family)) if self._cuts else outbox
            )
