"""Serves handles that have no descriptor.

Law: a handle that is ready is served in a turn of its own, as one with a descriptor would be, and
never inside the call that made it ready.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakSet

from twisted.internet.interfaces import IDelayedCall

from nodenet.loop import Handle, Poller
from nodenet.loop.poller import READ, WRITE

_ROUNDS: Final = 100  # in one call, before the reactor has its turn again


class MemoryHandle(Protocol):
    """The socket of such a handle."""

    changed: Callable[[], None]
    """What it calls when it may have become ready."""

    @property
    def readable(self) -> bool: ...
    @property
    def writable(self) -> bool: ...


class MemoryPoller:
    """A reactor's Poller for sockets in memory; everything but watching them is the real one's."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._sockets: dict[Handle, MemoryHandle] = {}
        self._waiting: dict[Handle, None] = {}  # those that may be ready, in this order
        self._due: IDelayedCall | None = None
        _pollers.add(self)

    def watch(self, handle: Handle, interest: int) -> None:
        """As `Poller.watch`."""
        handle.interest = interest
        if interest:
            skt: MemoryHandle = handle._socket  # type: ignore[assignment]  # one of ours
            self._sockets[handle] = skt
            skt.changed = lambda: self._changed(handle)
            skt.changed()
        else:
            self._sockets.pop(handle, None)

    def turn(self, act: Callable[[], object]) -> None:
        """A clock calls: do `act`, and serve at once what that makes ready."""
        self.ticks.call(self, self._act, act)

    def _act(self, act: Callable[[], object]) -> None:
        act()
        rounds = _ROUNDS if self.ticks.depth == 1 else 0  # no handler runs inside another one
        while rounds and (self._waiting or self.ticks.ending):
            rounds -= 1
            self._serve()
            self.ticks.runClosing()

    def settle(self) -> None:
        """Serve at once what is ready."""
        if self._waiting:
            self.turn(nothing)

    def _changed(self, handle: Handle) -> None:
        """A handle may have become ready."""
        if self._ready(handle):
            self._waiting[handle] = None
            if self._due is None:
                self._due = self._poller.callLater(0, self._turn)

    def _turn(self) -> None:
        self._due = None
        self._serve()

    def _serve(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for handle in waiting:
            try:
                if self._ready(handle) & READ:
                    handle.doRead()
                if self._ready(handle) & WRITE:
                    handle.doWrite()
            except Exception:
                self._poller.handlerFailed(handle)
            self._poller.drain()
            self._changed(handle)

    def _ready(self, handle: Handle) -> int:
        skt = self._sockets.get(handle)
        if skt is None:
            return 0
        return handle.interest & (READ * skt.readable | WRITE * skt.writable)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)


def nothing() -> None:
    """Nobody watches yet."""


def memoryPollersOn(*pollers: Poller) -> list[MemoryPoller]:
    """Every one that stands before one of these."""
    return [memory for memory in _pollers if memory._poller in pollers]


_pollers: WeakSet[MemoryPoller] = WeakSet()
