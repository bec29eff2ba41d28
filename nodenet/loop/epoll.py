"""All of nodenet's descriptors behind one descriptor of the reactor, where the kernel has epoll.

Law: one call of the reactor's does a bounded amount of work.

The reactor pays its cost per event (a logging context, a look-up, an epoll change) once for a
batch: it only ever sees the epoll object's own descriptor. Under load a batch is followed by the
next one at once, a bounded number of times, so timers and foreign descriptors stay served.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop.poller import READ, Poller, act

if TYPE_CHECKING:
    from nodenet.loop.handle import Handle

_BATCH: Final = 128  # events taken at once
_ROUNDS: Final = 4  # batches before the reactor has its turn again


@implementer(IReadDescriptor)
class EpollPoller(Poller):
    """The Poller where the kernel has epoll: the reactor reads one descriptor."""

    _epoll: select.epoll | None = None

    def watch(self, handle: Handle, interest: int) -> None:
        before = handle.interest
        if interest == before:
            return
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
        handle.interest = interest

    def opened(self, handle: Handle) -> None:
        if self._epoll is None:
            self._begin()
        super().opened(handle)

    def closed(self, handle: Handle) -> None:
        super().closed(handle)
        if not self._handles and self._epoll is not None:
            self.reactor.removeReader(self)
            self._epoll.close()
            self._epoll = None

    def doRead(self) -> None:  # noqa: C901  # in one piece: this is run for every event
        """Serve what is ready; bounded, see the module's law."""
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
                epoll = self._epoll
                if epoll is None:
                    return
                alone = not turn and len(watched) == 1
                events = (alone and self._evident()) or epoll.poll(0, _BATCH)
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
                if len(events) < 2 and not ticks.ending:
                    return  # not under load: polling again would find nothing
        finally:
            ticks.polling = before
            ticks.leave()

    def _evident(self) -> list[tuple[int, int]]:
        """The events if that needs no system call: one is ready, and a single handle is watched."""
        [(descriptor, handle)] = self._watched.items()
        return [(descriptor, READ)] if handle.interest == READ else []

    def fileno(self) -> int:
        return -1 if self._epoll is None else self._epoll.fileno()

    def logPrefix(self) -> str:
        return "nodenet"

    def connectionLost(self, reason: Failure) -> None:
        self.stopped(reason)

    def forked(self) -> None:
        super().forked()
        if self._epoll is not None:
            # Closes the child's copy only; unregistering would reach into the parent's set.
            self._epoll.close()
            self._epoll = None

    def _begin(self) -> select.epoll:
        epoll = self._epoll = select.epoll()
        self.reactor.addReader(self)
        return epoll
