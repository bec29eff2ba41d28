"""A reactor whose time stands still until a test moves it.

Law: descriptors are the real reactor's and are served in real time; timers are the clock's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from zope.interface import directlyProvides, providedBy

from nodenet.loop import Poller, pollerOf
from nodenet.testing._poller import memoryPollersOn

_ROUNDS: Final = 100


class ClockedReactor:
    """Pass it as `reactor=` to sockets and servers, then `advance` through their time-outs.

    Args:
        reactor: The reactor that serves the descriptors; the global one when left out.
    """

    def __init__(self, reactor: Any = None) -> None:
        if reactor is None:
            from twisted.internet import reactor  # not before somebody needs it
        self._reactor = reactor
        self._clock = Clock()
        directlyProvides(self, providedBy(reactor))
        _clocks.add(self)

    def advance(self, seconds: float) -> None:
        """Let time pass.

        What waits for its turn already runs first, and what is ready in memory: bytes of a
        `socketPair`, datagrams of a `Network`. Then what falls due is run, in order and each
        at its own time, so that what it sets up for later falls due as well.

        Args:
            seconds: How long, 0 or more.
        """
        self._settle()
        clock = self._clock
        end = clock.seconds() + seconds
        while due := [time for call in clock.calls if (time := call.getTime()) <= end]:
            clock.rightNow = max(clock.rightNow, min(due))
            clock.advance(0)
            self._settle()
        clock.rightNow = end

    def seconds(self) -> float:
        """What time it is: seconds since the clock was made, as far as it was advanced."""
        return self._clock.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        """As `IReactorTime.callLater`; with no delay it is run by the real reactor, soon."""
        time = self._clock if delay else self._reactor
        call: IDelayedCall = time.callLater(delay, callable, *args, **kw)
        return call

    def getDelayedCalls(self) -> list[IDelayedCall]:
        """What is still due on this clock."""
        return list(self._clock.getDelayedCalls())

    def _settle(self) -> None:
        """Have nodenet do what it has put off until the running callback returns, or the next turn.

        The next turn of what has no descriptor, that is: connections and networks in memory.
        """
        pollers = pollerOf(self), pollerOf(self._reactor)
        for poller in pollers:
            if poller.ticks.queue or poller.ticks.ending:
                poller.ticks.call(self, _finish, poller)
        for memory in memoryPollersOn(*pollers):
            memory.settle()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


def _finish(poller: Poller) -> None:
    """Do what a round of handlers does at its end, and what follows from that."""
    poller.drain()
    rounds = _ROUNDS
    while poller.ticks.depth == 1 and poller.ticks.ending and rounds:
        rounds -= 1
        poller.ticks.runClosing()


def clocksOn(reactor: Any) -> list[ClockedReactor]:
    """Every clock whose descriptors are served by `reactor`."""
    return [clock for clock in _clocks if clock._reactor is reactor]


_clocks: WeakSet[ClockedReactor] = WeakSet()
