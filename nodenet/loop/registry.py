"""Which Poller belongs to which reactor.

Law: one Poller a reactor, held by what uses it and, while something is open, by the reactor;
importing nodenet imports no reactor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVarTuple, Unpack
from weakref import WeakValueDictionary

from nodenet.loop.direct import DirectPoller
from nodenet.loop.epoll import EpollPoller
from nodenet.loop.handle import Handle
from nodenet.loop.poller import Poller

_Args = TypeVarTuple("_Args")

_awaited: list[Callable[[Poller], object]] = []

newPoller: Callable[[Any], Poller] = EpollPoller if sys.platform == "linux" else DirectPoller

# By the reactor's identity, which the Poller itself keeps from being used again.
_pollers: WeakValueDictionary[int, Poller] = WeakValueDictionary()


def pollerOf(reactor: Any = None) -> Poller:
    """Return the Poller of a reactor, made when first asked for.

    Args:
        reactor: The reactor; by default the one that is running the calling callback of nodenet,
            and outside of one Twisted's global reactor.

    Raises:
        TypeError: The reactor cannot watch descriptors.
    """
    if reactor is None:
        for running in _pollers.values():
            if running.ticks.running:
                return running
        from twisted.internet import reactor  # not before somebody needs it
    poller = _pollers.get(id(reactor))
    if poller is None:
        poller = _pollers[id(reactor)] = newPoller(reactor)
        while _awaited:
            _awaited.pop(0)(poller)
    return poller


def whenUsed(callback: Callable[[Poller], object]) -> None:
    """Call ``callback(poller)`` as soon as a program's reactor is known: with the first Poller."""
    for poller in _pollers.values():
        callback(poller)
        return
    _awaited.append(callback)


def nextTick(callback: Callable[[Unpack[_Args]], object], *args: *_Args) -> None:
    """Run `callback(*args)` after the running callback of nodenet, as Node's process.nextTick."""
    pollerOf().nextTick(callback, *args)


def queueMicrotask(callback: Callable[[Unpack[_Args]], object], *args: *_Args) -> None:
    """Run `callback(*args)` when the tick queue is empty, where Node runs promise reactions."""
    pollerOf().queueMicrotask(callback, *args)


def activeHandles(reactor: Any = None) -> int:
    """How many things keep :func:`nodenet.run` going: handles that wait, look-ups. See `Handle`."""
    return pollerOf(reactor).references


def openHandles(reactor: Any = None) -> list[Handle]:
    """Return every open descriptor of nodenet, oldest first; each one's repr says what it is.

    Args:
        reactor: The reactor; see `pollerOf`.
    """
    return pollerOf(reactor).openHandles()
