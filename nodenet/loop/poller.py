"""All of nodenet's descriptors behind one descriptor of the reactor.

Law: a handle is registered exactly while it has an interest, and unregistered before it is closed;
no handler runs inside another one of the same Poller, unless that one turns the reactor itself
(``reactor.iterate()``).

The reactor pays its cost per event (a logging context, a look-up, an epoll change) once for a
batch: it only ever sees the epoll object's own descriptor. Under load a batch is followed by the
next one at once, a bounded number of times, so timers and foreign descriptors stay served.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFDSet,
    IReactorTime,
    IReadDescriptor,
    IReadWriteDescriptor,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop.debug import debuglog
from nodenet.loop.ticks import Ticks

if TYPE_CHECKING:
    from nodenet.loop.handle import Handle

READ: Final = 0x001  # EPOLLIN
WRITE: Final = 0x004  # EPOLLOUT
_BROKEN: Final = 0x018  # EPOLLERR | EPOLLHUP
_READABLE: Final = READ | _BROKEN

_BATCH: Final = 128  # events taken at once
_ROUNDS: Final = 4  # batches before the reactor has its turn again

_log = Logger(namespace="nodenet")
_trace = debuglog("loop")


class Poller:
    """What nodenet knows of one reactor: open handles, timers, ticks. See `pollerOf`."""

    def __init__(self, reactor: Any) -> None:
        if not IReactorFDSet.providedBy(reactor):
            raise TypeError(
                f"nodenet needs a reactor that watches descriptors (IReactorFDSet); "
                f"{type(reactor).__name__} does not"
            )
        self.reactor: Any = reactor
        self.ticks = Ticks(reactor, self.uncaught)
        self.nextTick = self.ticks.nextTick
        self.queueMicrotask = self.ticks.queueMicrotask
        self.atRoundEnd = self.ticks.atRoundEnd
        self.drain = self.ticks.drain
        self.onUncaught: Callable[[Failure], bool] | None = None
        """Told of a failure that nobody caught; returns whether it need not be logged."""
        self.onSignal: Callable[[int], object] | None = None
        """Told of the signal that has ended :func:`nodenet.run`."""
        self.onIdle: list[Callable[[], None]] = []
        """Called when the last reference goes; may be called in vain."""
        self._handles: dict[Handle, None] = {}
        self._watched: dict[int, Handle] = {}
        self._references = 0
        self._unreferenced: WeakSet[Any] = WeakSet()
        _pollers.add(self)

    # -- descriptors ------------------------------------------------------------------------

    def watch(self, handle: Handle, interest: int) -> None:
        """Watch `handle` for `interest` (`READ | WRITE`); 0 unregisters it."""
        raise NotImplementedError

    def opened(self, handle: Handle) -> None:
        """`handle` has a descriptor from now on."""
        if _trace is not None:
            _trace("opened: {} fd={}", type(handle).__name__, handle.fileno())
        self._handles[handle] = None

    def closed(self, handle: Handle) -> None:
        """`handle` will have none any more. It was unregistered before."""
        if _trace is not None:
            _trace("closed: {} fd={}", type(handle).__name__, handle.fileno())
        self._handles.pop(handle, None)

    def openHandles(self) -> list[Handle]:
        """What is open, oldest first."""
        return list(self._handles)

    # -- time and references ----------------------------------------------------------------

    def callLater(
        self, seconds: float, callback: Callable[..., object], *args: object, ref: bool = True
    ) -> IDelayedCall:
        """Run a callback of nodenet later.

        Args:
            seconds: After how long, 0 or more.
            callback: What to call.
            args: With what.
            ref: Whether the timer keeps :func:`nodenet.run` going.

        Returns:
            What cancels it.
        """
        call = IReactorTime(self.reactor).callLater(
            seconds, self.ticks.call, callback, callback, *args
        )
        if not ref:
            self._unreferenced.add(call)
        return call

    def seconds(self) -> float:
        """The reactor's clock."""
        return float(self.reactor.seconds())

    def reference(self) -> None:
        """One more thing (a ref'd handle, a look-up) keeps :func:`nodenet.run` going."""
        self._references += 1

    def unreference(self) -> None:
        """One thing fewer."""
        self._references -= 1
        if not self._references:
            for look in list(self.onIdle):
                look()

    def pending(self, what: str) -> Callable[[], None]:
        """Keep :func:`nodenet.run` going until the returned function is called (once).

        Args:
            what: What is pending, for the trace.
        """
        if _trace is not None:
            _trace("pending: {}", what)
        self.reference()
        settled = False

        def settle() -> None:
            nonlocal settled
            if not settled:
                settled = True
                self.unreference()

        return settle

    @property
    def references(self) -> int:
        """How many ref'd handles and look-ups are open."""
        return self._references

    def timers(self) -> list[IDelayedCall]:
        """The reactor's pending timers that keep :func:`nodenet.run` going."""
        return [
            call
            for call in IReactorTime(self.reactor).getDelayedCalls()
            if call not in self._unreferenced
        ]

    # -- failures and the end ---------------------------------------------------------------

    def uncaught(self, failure: Failure, source: object) -> None:
        """Nobody caught `failure`: say so, with its traceback; trial fails the test for it.

        Args:
            failure: What was raised.
            source: Where, for the log.
        """
        if self.onUncaught is None or not self.onUncaught(failure):
            _log.failure("Uncaught exception in {source!r}", failure=failure, source=source)

    def handlerFailed(self, handle: Handle) -> None:
        """A handler raises: let its handle see to it. Only for use where it was caught."""
        try:
            handle.handlerFailed(Failure())
        except BaseException:
            self.uncaught(Failure(), handle)

    def stopped(self, reason: Failure) -> None:
        """The reactor has dropped us (it stops): every handle loses its connection now.

        Args:
            reason: What the handles are told.
        """
        ticks = self.ticks
        ticks.enter()
        try:
            for handle in self.openHandles():
                try:
                    handle.connectionLost(reason)
                except BaseException:
                    self.handlerFailed(handle)
            if ticks.depth == 1:
                ticks.drain()  # no callLater(0) runs after a stop
                while ticks.closing:
                    ticks.runClosing()
        finally:
            ticks.leave()

    def forked(self) -> None:
        """In a forked child: what is open belongs to the parent, and keeps nothing going here."""
        for handle in self._handles:
            handle.inherited()
        self._watched.clear()
        self._handles.clear()
        self._references = 0

    def __repr__(self) -> str:
        inside = ", ".join(map(repr, self._handles)) or "nothing open"
        return f"<nodenet {type(self).__name__}: {inside}>"


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
                            _act(handle, event)
                    except BaseException:
                        self.handlerFailed(handle)
                    if queue and ticks.depth == 1:
                        ticks.drain()
                if ticks.closing:
                    ticks.runClosing()
                if len(events) < 2 and not ticks.closing:
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


class DirectPoller(Poller):
    """The Poller where there is no epoll: every handle is given to the reactor by itself."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self._stand_ins: dict[Handle, _StandIn] = {}

    def watch(self, handle: Handle, interest: int) -> None:
        changed = handle.interest ^ interest
        if not changed:
            return
        stand_in = self._stand_ins.get(handle)
        if stand_in is None:
            stand_in = self._stand_ins[handle] = _StandIn(self, handle)
        if changed & READ:
            act = self.reactor.addReader if interest & READ else self.reactor.removeReader
            act(stand_in)
        if changed & WRITE:
            act = self.reactor.addWriter if interest & WRITE else self.reactor.removeWriter
            act(stand_in)
        handle.interest = interest

    def closed(self, handle: Handle) -> None:
        super().closed(handle)
        self._stand_ins.pop(handle, None)


@implementer(IReadWriteDescriptor)
class _StandIn:
    """One handle, as the reactor sees it where there is no epoll."""

    def __init__(self, poller: DirectPoller, handle: Handle) -> None:
        self._poller = poller
        self._handle = handle

    def fileno(self) -> int:
        return self._handle.fileno()

    def logPrefix(self) -> str:
        return "nodenet"

    def doRead(self) -> None:
        self._serve(READ)

    def doWrite(self) -> None:
        self._serve(WRITE)

    def connectionLost(self, reason: Failure) -> None:
        handle, poller = self._handle, self._poller
        if poller.reactor.running:
            # Some reactors drop a broken descriptor this way: let the handler see the errno. It
            # may have been no more than a refused datagram, or there is more to read.
            self._serve(_BROKEN)
            interest, handle.interest = handle.interest, 0
            poller.watch(handle, interest)
        elif handle.fileno() >= 0:
            poller.stopped(reason)

    def _serve(self, event: int) -> None:
        handle, poller = self._handle, self._poller
        poller.ticks.enter()
        try:
            _act(handle, event)
        except BaseException:
            poller.handlerFailed(handle)
        finally:
            poller.ticks.leave()

    def __repr__(self) -> str:
        return repr(self._handle)


def _act(handle: Handle, event: int) -> None:
    """Call those handlers that an event asks for and that are wanted still."""
    if event & _READABLE and handle.interest & READ:
        handle.doRead()
    if event & (WRITE | _BROKEN) and handle.interest & WRITE:
        handle.doWrite()


_pollers: WeakSet[Poller] = WeakSet()


def _forked() -> None:
    for poller in list(_pollers):
        poller.forked()


os.register_at_fork(after_in_child=_forked)

newPoller: Callable[[Any], Poller] = EpollPoller if sys.platform == "linux" else DirectPoller
