"""All of nodenet's descriptors behind one descriptor of the reactor, where the kernel has epoll.

Law: one call of the reactor's does a bounded amount of work.

The reactor pays its cost per event (a logging context, a look-up, an epoll change) once for a
batch: it only ever sees the epoll object's own descriptor. Under load a batch is followed by the
next one at once, a bounded number of times, so timers and foreign descriptors stay served.

Waking up through two epoll objects costs more than through one. So a handle that was alone with its
events for a while becomes the *favourite*, which Twisted's epoll reactor watches directly. (Others
have limits of their own: select's descriptors are few, and uvloop gives up one that has an error.)
"""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from io import FileIO
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop.favourite import Favourite
from nodenet.loop.poller import READ, Poller, act

if TYPE_CHECKING:
    from nodenet.loop.handle import Handle

_BATCH: Final = 128  # events taken at once
_ROUNDS: Final = 4  # batches before the reactor has its turn again
_ALONE: Final = 32  # events in a row that make a favourite


@implementer(IReadDescriptor)
class EpollPoller(Poller):
    """The Poller where the kernel has epoll: the reactor reads one descriptor."""

    _epoll: select.epoll | None = None
    _seat: FileIO | None = None  # stands for the epoll object while there is no favourite
    _favourite: Favourite | None = None
    _last = -1  # the descriptor that was ready when only one was
    _streak = 0  # how often in a row it was that one

    def __init__(self, reactor: Any) -> None:
        from twisted.internet.epollreactor import EPollReactor  # only to be had where epoll is

        super().__init__(reactor)
        self._favours = isinstance(reactor, EPollReactor)

    def watch(self, handle: Handle, interest: int) -> None:
        before = handle.interest
        if interest == before:
            return
        favourite = self._favourite
        if favourite is not None and favourite.handle is handle:
            self.dismiss(favourite)
        epoll = self._epoll or self._begin()
        descriptor = handle.fileno()
        if not interest:
            del self._watched[descriptor]
            try:
                epoll.unregister(descriptor)
            except OSError:
                pass  # somebody has closed the descriptor, and the kernel has forgotten it
        elif before:
            epoll.modify(descriptor, interest)
        else:
            epoll.register(descriptor, interest)
            self._watched[descriptor] = handle
            if not self.ticks.polling:
                # Idempotent, and heals us after somebody's reactor.removeAll(). Inside a round
                # the reactor evidently has us.
                self.reactor.addReader(self)
                if favourite is not None and self._favourite is favourite:
                    self.reactor.addReader(favourite)
        handle.interest = interest

    def opened(self, handle: Handle) -> None:
        if self._epoll is None:
            self._begin()
        super().opened(handle)

    def closed(self, handle: Handle) -> None:
        super().closed(handle)
        if not self._handles and self._epoll is not None:
            self.reactor.removeReader(self)
            self._end()

    def doRead(self, events: Sequence[tuple[int, int]] = ()) -> None:  # noqa: C901
        """Serve what is ready; bounded, see the module's law.

        In one piece, for it is run for every event.

        Args:
            events: The first batch, if somebody knows it; else the kernel is asked.
        """
        ticks = self.ticks
        queue = ticks.queue
        watched = self._watched
        ticks.enter()
        before, ticks.polling = ticks.polling, True
        try:
            if queue and ticks.depth == 1:
                ticks.drain()
            if ticks.fed:
                ticks.runFed()
            for turn in range(_ROUNDS):
                if turn or not events:
                    epoll = self._epoll
                    if epoll is None:
                        return
                    events = epoll.poll(0, _BATCH)
                    ticks.turn += 1
                for descriptor, event in events:
                    handle = watched.get(descriptor)
                    if handle is None:
                        continue  # closed or paused by an earlier handler of this batch
                    try:
                        if event == READ == handle.interest:
                            handle.doRead()
                        else:
                            act(handle, event)
                    except BaseException:
                        self.handlerFailed(handle)
                    if queue and ticks.depth == 1:
                        ticks.drain()
                if ticks.closing or ticks.fed:
                    ticks.runClosing()
                if len(events) == 1:
                    if descriptor != self._last:
                        self._last, self._streak = descriptor, 0
                    elif self._streak < _ALONE:
                        self._streak += 1
                        if self._streak == _ALONE and self._favours:
                            self._favour(descriptor)
                elif events:
                    self._last = -1
                    if self._favourite is not None:
                        self.dismiss(self._favourite)
                if len(events) < 2 and not (ticks.fed or ticks.closing):
                    return  # not under load: polling again would find nothing
        finally:
            ticks.polling = before
            ticks.leave()

    def dismiss(self, favourite: Favourite) -> None:
        """Watch a handle with the others again, if it is the favourite.

        Args:
            favourite: What may be the favourite still.
        """
        if favourite is not self._favourite:
            return
        self._favourite = None
        self._last = -1
        self.reactor.removeReader(favourite)
        epoll, seat = self._epoll, self._seat
        assert epoll is not None
        assert seat is not None
        os.dup2(epoll.fileno(), seat.fileno(), inheritable=False)
        try:
            epoll.register(favourite.handle.fileno(), READ)
        except OSError:
            pass  # somebody has closed the descriptor

    def fileno(self) -> int:
        return -1 if self._epoll is None else self._epoll.fileno()

    def logPrefix(self) -> str:
        return "nodenet"

    def connectionLost(self, reason: Failure) -> None:
        self.stopped(reason)

    def forked(self) -> None:
        super().forked()
        # Closes the child's copies only; unregistering would reach into the parent's sets.
        self._favourite = None
        self._end()

    def _favour(self, descriptor: int) -> None:
        """Watch a handle directly: it alone had something to do for a while."""
        handle, favourite = self._watched.get(descriptor), self._favourite
        if handle is None or handle.interest != READ:
            return
        if favourite is not None:
            if favourite.handle is handle:
                return
            self.dismiss(favourite)
        assert self._epoll is not None
        assert self._seat is not None
        try:
            self._epoll.unregister(descriptor)
            favourite = Favourite(self, handle, self._seat)
        except OSError:
            return  # somebody has closed the descriptor
        self._favourite = favourite
        self.reactor.addReader(favourite)

    def _begin(self) -> select.epoll:
        epoll = select.epoll()
        if self._favours:
            try:
                self._seat = FileIO(os.dup(epoll.fileno()))
            except OSError:
                epoll.close()
                raise
        self._epoll = epoll
        self.reactor.addReader(self)
        return epoll

    def _end(self) -> None:
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None
        if self._seat is not None:
            self._seat.close()
            self._seat = None
