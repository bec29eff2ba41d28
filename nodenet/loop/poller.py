"""What nodenet knows of one reactor: open handles, what keeps a program going, failures.

Law: a handle is registered exactly while it has an interest, and unregistered before it is closed;
no handler runs inside another one of the same Poller, unless that one turns the reactor itself
(``reactor.iterate()``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet.loop.debug import debuglog
from nodenet.loop.ticks import Ticks

if TYPE_CHECKING:
    from nodenet.loop.handle import Handle

READ: Final = 0x001  # EPOLLIN
WRITE: Final = 0x004  # EPOLLOUT
BROKEN: Final = 0x018  # EPOLLERR | EPOLLHUP
_READABLE: Final = READ | BROKEN

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
        self.feed = self.ticks.feed
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
                while ticks.ending:
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


def act(handle: Handle, event: int) -> None:
    """Call those handlers that an event asks for and that are wanted still."""
    if event & _READABLE and handle.interest & READ:
        handle.doRead()
    if event & (WRITE | BROKEN) and handle.interest & WRITE:
        handle.doWrite()


_pollers: WeakSet[Poller] = WeakSet()


def _forked() -> None:
    for poller in list(_pollers):
        poller.forked()


os.register_at_fork(after_in_child=_forked)
