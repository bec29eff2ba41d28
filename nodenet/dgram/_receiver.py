"""From the descriptor to the listeners of `'message'`.

Law: each datagram is one event, in the order of arrival, with Node's ticks between them; a listener
that raises costs nobody else his datagram, and one that closes the socket gets no further one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from twisted.python.failure import Failure

from nodenet.addresses import BlockList
from nodenet.dgram._addresses import Senders

if TYPE_CHECKING:
    from nodenet.dgram._life import LivingSocket
    from nodenet.loop import Poller
    from nodenet.transports.udp_queue import SendQueue


class MessageReceiver:
    """Hears a descriptor for a socket.

    Args:
        socket: Whose listeners are called.
        poller: Its Poller.
        blocked: Whose datagrams are dropped.
    """

    queue: SendQueue

    def __init__(self, socket: LivingSocket, poller: Poller, blocked: BlockList | None) -> None:
        self._socket = socket
        self._poller = poller
        self._events = socket._events
        self._senders = Senders()
        self._blocked = blocked

    def received(self, datagrams: list[bytes], sources: Sequence[Any]) -> None:
        """Emit ``'message'`` for each."""
        batch: Iterator[tuple[bytes, Any]] = zip(datagrams, sources, strict=False)
        if self._blocked is not None:
            batch = self._allowed(batch, self._blocked)
        while True:
            try:
                self._emit(datagrams, batch)
                return
            except Exception:
                self._poller.uncaught(Failure(), self._socket)

    def failed(self, error: OSError) -> None:
        """Emit ``'error'`` behind the running handler."""
        self._poller.nextTick(self._socket._report, error)

    def lost(self) -> None:
        """The reactor stops."""
        self._socket._lost()

    def _emit(self, datagrams: list[bytes], batch: Iterator[tuple[bytes, Any]]) -> None:
        """Emit by hand: `emit` would be one more frame for each datagram."""
        poller, events, senders, queue = self._poller, self._events, self._senders, self.queue
        ticks, collected = poller.ticks.queue, queue.collected
        for datagram, source in batch:
            if ticks and poller.ticks.depth == 1:
                poller.drain()
                if not datagrams:
                    return  # a tick has closed the socket
            queue.settled = len(collected)
            info = senders.get(source)
            if info is None or info[3] != len(datagram):
                info = senders.tell(source, len(datagram))
            listener = events.get("message")
            if isinstance(listener, tuple):
                self._socket.emit("message", datagram, info)
            elif listener is not None:
                result = listener(datagram, info)
                if result is not None and result is not True:
                    self._socket._returned(result, "message", (datagram, info))

    def _allowed(
        self, batch: Iterator[tuple[bytes, Any]], blocked: BlockList
    ) -> Iterator[tuple[bytes, Any]]:
        for datagram, source in batch:
            info = self._senders.tell(source, len(datagram))
            if not blocked.check(info.address, info.family.lower()):
                yield datagram, source
