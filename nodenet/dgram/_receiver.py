"""From the descriptor to the listeners of `'message'`.

Law: each datagram is one event, in the order of arrival, with Node's ticks between them; a listener
that raises costs nobody else his datagram, and one that closes the socket gets no further one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.addresses import BlockList
from nodenet.interfaces import IDatagramReceiver

if TYPE_CHECKING:
    from nodenet.dgram._addresses import Senders
    from nodenet.dgram._life import LivingSocket
    from nodenet.loop import Poller
    from nodenet.transports.udp_queue import SendQueue


@implementer(IDatagramReceiver)
class MessageReceiver:
    """Hears a descriptor for a socket.

    Args:
        socket: Whose listeners are called.
        poller: Its Poller.
        senders: What tells who has sent something.
    """

    queue: SendQueue

    def __init__(self, socket: LivingSocket, poller: Poller, senders: Senders) -> None:
        self._socket = socket
        self._poller = poller
        self._events = socket._events
        self._senders = senders

    def received(self, datagrams: list[bytes], sources: Sequence[Any]) -> None:
        """Emit ``'message'`` for each: by hand, since `emit` would be one more frame for each."""
        ticks, events, senders = self._poller.ticks.queue, self._events, self._senders
        queue = self.queue
        collected = queue.collected
        batch = zip(datagrams, sources, strict=False)
        while True:
            try:
                for datagram, source in batch:
                    if ticks and self._closed_by_tick(datagrams):
                        return
                    queue.settled = len(collected)
                    info = senders.get(source)
                    if info is None or info[3] != len(datagram):
                        info = senders.tell(source, len(datagram))
                    listener = events.get("message", _nobody)
                    if isinstance(listener, tuple):
                        self._socket.emit("message", datagram, info)
                        continue
                    result = listener(datagram, info)
                    if result is not None and result is not True:
                        self._socket._returned(result, "message", (datagram, info))
                return
            except Exception:
                self._poller.uncaught(Failure(), self._socket)

    def receivedOne(self, datagram: bytes, source: Any) -> None:
        """Emit ``'message'`` for a datagram that came alone."""
        info = self._senders.get(source)
        if info is None or info[3] != len(datagram):
            info = self._senders.tell(source, len(datagram))
        listener = self._events.get("message", _nobody)
        if isinstance(listener, tuple):
            self._socket.emit("message", datagram, info)
            return
        result = listener(datagram, info)
        if result is not None and result is not True:
            self._socket._returned(result, "message", (datagram, info))

    def failed(self, error: OSError) -> None:
        """Emit ``'error'`` behind the running handler."""
        self._poller.nextTick(self._socket._report, error)

    def lost(self) -> None:
        """The reactor stops."""
        self._socket._lost()

    def _closed_by_tick(self, datagrams: list[bytes]) -> bool:
        if self._poller.ticks.depth == 1:
            self._poller.drain()
        return not datagrams


class FilteringReceiver(MessageReceiver):
    """One that drops the datagrams of blocked senders."""

    blocked: BlockList

    def received(self, datagrams: list[bytes], sources: Sequence[Any]) -> None:
        """Emit ``'message'`` for those that are allowed."""
        allowed = []
        for index, source in enumerate(sources):
            info = self._senders.tell(source, len(datagrams[index]))
            if not self.blocked.check(info.address, info.family.lower()):
                allowed.append(index)
        sources = [sources[index] for index in allowed]
        # in place, for it becomes empty when the socket is closed
        datagrams[:] = [datagrams[index] for index in allowed]
        super().received(datagrams, sources)

    def receivedOne(self, datagram: bytes, source: Any) -> None:
        """Emit it if its sender is allowed."""
        self.received([datagram], (source,))


def newReceiver(
    socket: LivingSocket, poller: Poller, senders: Senders, blocked: BlockList | None
) -> MessageReceiver:
    """A receiver; one that filters when there are senders to be blocked."""
    if blocked is None:
        return MessageReceiver(socket, poller, senders)
    filtering = FilteringReceiver(socket, poller, senders)
    filtering.blocked = blocked
    return filtering


def _nobody(datagram: bytes, info: object) -> None:
    """Listens where nobody does."""
