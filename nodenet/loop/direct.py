"""Every handle by itself before the reactor, where there is no epoll.

Law: a handle behaves as it does behind an epoll object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop.poller import BROKEN, READ, WRITE, Poller, act

if TYPE_CHECKING:
    from nodenet.loop.handle import Handle


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
            self._serve(BROKEN)
            interest, handle.interest = handle.interest, 0
            poller.watch(handle, interest)
        elif handle.fileno() >= 0:
            poller.stopped(reason)

    def _serve(self, event: int) -> None:
        handle, poller = self._handle, self._poller
        poller.ticks.enter()
        try:
            act(handle, event)
        except BaseException:
            poller.handlerFailed(handle)
        finally:
            poller.ticks.leave()

    def __repr__(self) -> str:
        return repr(self._handle)
