"""Datagrams on their way out: collected for a tick, sent together, kept while the kernel is full.

Law: they leave in the order of `send`; each callback is called exactly once and never inside
`send`; nothing here spins on a kernel that says "writable" and takes nothing.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IDelayedCall

from nodenet.errors import systemError
from nodenet.loop import Poller
from nodenet.transports._mmsg import BATCH
from nodenet.transports.udp_address import Destination
from nodenet.transports.udp_control import ControlMessages

SEND_QUEUE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes that may wait for the kernel to take them, unless the user sets another limit."""

SEND_QUEUE_MOST: Final = 262_144
"""Datagrams that may wait, be they ever so short."""

_PAUSE: Final = 0.005  # seconds
_FULL: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})

SendCallback = Callable[[Exception | None, int | None], object]


class Writer(Protocol):
    """Whose queue it is: a `Handle`."""

    poller: Poller

    def fileno(self) -> int: ...
    def startWriting(self) -> None: ...
    def stopWriting(self) -> None: ...


class Sender(Protocol):
    """What sends one datagram: a `socket.socket`. It raises an `OSError`."""

    def send(self, datagram: bytes, /) -> Any: ...
    def sendto(self, datagram: bytes, raw: Any, /) -> Any: ...
    def sendmsg(
        self, datagram: list[bytes], control: ControlMessages, flags: int, raw: Any, /
    ) -> Any: ...


class BatchSender(Protocol):
    """What sends several: an `Outbox`, or what stands before one. It raises an `OSError`."""

    def send(
        self, descriptor: int, datagrams: Sequence[bytes], destinations: Sequence[bytes]
    ) -> int: ...


class SendQueue:
    """What one descriptor sends.

    Args:
        handle: Whose interest in writing is switched on while something waits.
        skt: The socket.
        failed: Gets the error of a datagram without a callback.
    """

    def __init__(self, handle: Writer, skt: Sender, failed: Callable[[OSError], object]) -> None:
        self.limit = SEND_QUEUE_LIMIT
        self.outbox: BatchSender | None = None  # what sends many at once, where the kernel can
        self.connected = False
        #: How many datagrams were given to be sent, and left or waited or failed.
        self.taken = 0
        #: An error may be about a datagram that was sent earlier, so it is worth another try.
        self.suspect = False
        #: The datagrams of this tick and where they go. Always the same lists; who appends to
        #: them by hand calls `schedule` unless that has been done.
        self.collected: list[bytes] = []
        self.destinations: list[Destination] = []
        self.scheduled = False
        #: A batch of handlers runs: ticks send nothing. Who sets it sends when they have returned.
        self.held = False
        #: How many of them come from handlers that have returned.
        self.settled = 0
        self._callbacks: dict[int, SendCallback] = {}
        # Whom to tell that a datagram was never sent, and how many were collected before it.
        self._refused: list[tuple[int, BaseException, Callable[..., object]]] = []
        # One by one: some have control messages, or were sent before a peer came or went.
        self._apart = False
        self._waiting: deque[tuple[bytes, Destination, SendCallback | None]] = deque()
        self._waiting_size = 0
        self._retry: IDelayedCall | None = None
        self._handle = handle
        self._socket = skt
        self._failed = failed
        self._next_tick = handle.poller.nextTick

    def send(
        self, datagram: bytes, destination: Destination, callback: SendCallback | None = None
    ) -> None:
        """Send `datagram` when the running handler, or batch of handlers, has returned.

        Args:
            destination: `NOWHERE` on a connected socket.
            callback: Gets (None, bytes sent) or (error, None).
        """
        if callback is not None:
            self._callbacks[len(self.collected)] = callback
        if destination.control is not None:
            self._apart = True
        self.collected.append(datagram)
        self.destinations.append(destination)
        if not self.scheduled:
            self.schedule()

    def turn(self, connected: bool) -> None:
        """The socket has, or has no more, a peer: what waits still goes where it was sent to."""
        self.connected = connected
        if self._waiting:
            self._apart = True

    def schedule(self) -> None:
        """Have what was collected sent."""
        self.scheduled = True
        self._next_tick(self._tick)

    def refuse(self, error: BaseException, callback: Callable[..., object]) -> None:
        """Call ``callback(error, None)`` in its turn: behind the callbacks of what was sent before.

        For a datagram that cannot be sent at all.
        """
        self._refused.append((len(self.collected), error, callback))
        self._apart = True  # so that `flush` has a look
        self._next_tick(self._tick_refused)

    def flush(self) -> None:
        """Send what was collected, now."""
        if self._refused:
            self._flush_in_parts()
        datagrams, destinations, callbacks = self.collected, self.destinations, self._callbacks
        if datagrams:
            self.taken += len(datagrams)
            done = 0 if self._waiting else self._transmit(datagrams, destinations, callbacks)
            if done < len(datagrams):
                for index in range(done, len(datagrams)):
                    self._wait(datagrams[index], destinations[index], callbacks.get(index))
            datagrams.clear()
            destinations.clear()
            callbacks.clear()
            self.settled = 0
            self._apart = bool(self._waiting) and self._apart

    def flushOne(self) -> None:
        """Do what `flush` does, in fewer steps where one plain datagram was collected."""
        datagrams = self.collected
        odd = self._callbacks or self._waiting or self.connected or self._apart
        if len(datagrams) == 1 and not odd:
            try:
                self._socket.sendto(datagrams[0], self.destinations[0].raw)
            except OSError:
                self.flush()  # it says more of what is wrong
            else:
                self.taken += 1
                datagrams.clear()
                self.destinations.clear()
                self.settled = 0
        else:
            self.flush()

    def resume(self) -> None:
        """The kernel can take more of what waits."""
        waiting = self._waiting
        before = len(waiting)
        while waiting:
            entries = list(islice(waiting, BATCH))
            datagrams = [datagram for datagram, _, _ in entries]
            destinations = [destination for _, destination, _ in entries]
            callbacks = {index: call for index, (_, _, call) in enumerate(entries) if call}
            done = self._transmit(datagrams, destinations, callbacks)
            for _ in range(done):
                self._waiting_size -= len(waiting.popleft()[0])
            if done < len(entries):
                break
        if not waiting:
            self._handle.stopWriting()
        elif len(waiting) == before:
            self._handle.stopWriting()
            self._retry = self._handle.poller.callLater(_PAUSE, self._handle.startWriting)

    def cancel(self) -> None:
        """The socket closes. What handlers that have returned sent still leaves, if it can."""
        datagrams = self.collected
        settled = len(datagrams) if self.connected else self.settled
        canceled = [
            (destination, self._callbacks.pop(index, None))
            for index, destination in enumerate(self.destinations)
            if index >= settled
        ]
        del datagrams[settled:], self.destinations[settled:]
        self.flush()
        canceled[:0] = [(destination, callback) for _, destination, callback in self._waiting]
        self._waiting.clear()
        self._waiting_size = 0
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        for destination, callback in canceled:
            if callback is not None:
                self._refuse(errno.ECANCELED, destination, callback)

    @property
    def count(self) -> int:
        """Datagrams that the kernel has not taken yet."""
        return len(self.collected) + len(self._waiting)

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(map(len, self.collected)) + self._waiting_size

    # -- private ----------------------------------------------------------------------------

    def _tick(self) -> None:
        if not self.held:
            self.scheduled = False
            self.flush()

    def _tick_refused(self) -> None:
        if self._refused:
            self.flush()

    def _flush_in_parts(self) -> None:
        """Send what was collected before each refusal, and leave to `flush` what came behind."""
        refused, self._refused = self._refused, []
        datagrams, destinations = self.collected[:], self.destinations[:]
        callbacks, apart, start = self._callbacks, self._apart, 0
        for end, error, callback in refused:
            self._take(datagrams[start:end], destinations[start:end], callbacks, start)
            self._apart = apart
            self.flush()
            self._next_tick(callback, error, None)
            start = end
        self._take(datagrams[start:], destinations[start:], callbacks, start)
        self._apart = apart

    def _take(
        self,
        datagrams: list[bytes],
        destinations: list[Destination],
        callbacks: dict[int, SendCallback],
        start: int,
    ) -> None:
        """Have collected these, whose callbacks count from `start`."""
        self.collected[:] = datagrams
        self.destinations[:] = destinations
        counted = range(start, start + len(datagrams))
        self._callbacks = {i - start: call for i, call in callbacks.items() if i in counted}

    def _transmit(
        self,
        datagrams: list[bytes],
        destinations: list[Destination],
        callbacks: dict[int, SendCallback],
    ) -> int:
        """Send in order; how many were sent or refused before the kernel was full."""
        done, tried, count = 0, -1, len(datagrams)
        while done < count:
            try:
                if count - done > 1 or self._apart:
                    sent = self._pass(datagrams, destinations, done)
                elif self.connected:
                    sent = 1
                    self._socket.send(datagrams[done])
                else:
                    sent = 1
                    self._socket.sendto(datagrams[done], destinations[done].raw)
            except OSError as error:
                if error.errno in _FULL:
                    return done
                if self._again(error, tried < done):
                    tried = done
                    continue
                self._refuse(error, destinations[done], callbacks.pop(done, None))
                sent = 1
            if callbacks:
                self._tell(callbacks, datagrams, done, done + sent)
            done += sent
        return done

    def _pass(self, datagrams: list[bytes], destinations: list[Destination], start: int) -> int:
        """Pass several datagrams to the kernel if it can; how many it took, at least one."""
        if self.outbox is not None and not self._apart:
            if start or len(datagrams) > BATCH:
                datagrams = datagrams[start : start + BATCH]
                destinations = destinations[start : start + BATCH]
            return self.outbox.send(self._handle.fileno(), datagrams, destinations)
        destination = destinations[start]
        if destination.control is not None:
            self._socket.sendmsg([datagrams[start]], destination.control, 0, destination.raw)
        elif destination.raw is None:
            self._socket.send(datagrams[start])
        else:
            self._socket.sendto(datagrams[start], destination.raw)
        return 1

    def _again(self, error: OSError, first: bool) -> bool:
        """Whether the call failed for a reason of its own, and not of the datagram's."""
        if error.errno == errno.ENOSYS and self.outbox is not None:
            self.outbox = None  # a sandbox, perhaps: one by one, then
            return True
        return error.errno == errno.EINTR or (self.suspect and first)

    def _tell(
        self, callbacks: dict[int, SendCallback], datagrams: list[bytes], start: int, end: int
    ) -> None:
        for index in range(start, end):
            if index in callbacks:
                self._next_tick(callbacks[index], None, len(datagrams[index]))

    def _wait(
        self, datagram: bytes, destination: Destination, callback: SendCallback | None
    ) -> None:
        size = self._waiting_size + len(datagram)
        if size > self.limit or len(self._waiting) >= SEND_QUEUE_MOST:
            self._refuse(errno.ENOBUFS, destination, callback)
            return
        if not self._waiting:
            self._handle.startWriting()
        self._waiting.append((datagram, destination, callback))
        self._waiting_size = size

    def _refuse(
        self, reason: int | OSError, destination: Destination, callback: SendCallback | None
    ) -> None:
        error = systemError(reason, "send", destination.address, destination.port)
        if callback is None:
            self._failed(error)
        else:
            self._next_tick(callback, error, None)
