"""A port of the primary's whose connections are dealt to the workers, one after the other.

Law: a connection that was accepted is in one place: it waits here, or it is offered to one worker,
who takes it or not. Nothing is lost while a worker is left: what one does not take, or dies with
before he said so, is the next one's. When too many wait, no more are accepted, and the kernel keeps
those who come.

A worker has his turn when he is offered none, as in Node. One that goes on taking while others wait
may be offered more and more at once, for if he had to wait for the next after each he would be idle
meanwhile; one that does not answer holds no more than he was offered.

A worker that refuses (he has as many as he may have) or could not be given a connection (he has no
descriptor for it) rests until he says that there is room, or for a moment.

Offering takes descriptors, too. So as not to have accepted more than could ever be offered, a few
are held in reserve while connections are accepted; they are given up when there are no others.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from functools import partial
from typing import Any, Final, NamedTuple

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet.cluster._channel import Answer, Channel
from nodenet.loop import Poller
from nodenet.net._listen import bind, requestOf
from nodenet.transports.listening import ListeningDescriptor
from nodenet.transports.source import Place

MOST_WAITING: Final = 64
"""Accepted connections that wait for a worker."""

WINDOW: Final = 8
"""Connections that a worker may be offered at once."""

_REST: Final = 0.1  # seconds
_RESERVE: Final = 2  # what is sent is duplicated twice

_log = Logger(namespace="nodenet")


class _Connection(NamedTuple):
    """One that was accepted."""

    socket: socket.socket
    peer: Any


class _Turn:
    """What a worker may be offered at once (`most`), and what he is (`offered`)."""

    def __init__(self) -> None:
        self.offered = 0
        self.most = 1

    def settle(self, others_wait: bool) -> None:
        """He has answered."""
        self.offered -= 1
        self.most = min(self.most + 1, WINDOW) if others_wait else max(self.most - 1, 1)


class RoundRobin:
    """Deals the connections of one port.

    Args:
        poller: The primary's.
        place: Where to listen.
        key: What the workers know it by.

    Raises:
        OSError: The system refused.
    """

    def __init__(self, poller: Poller, place: Place, key: str) -> None:
        self._poller = poller
        self._key = key
        self._workers: dict[Channel, _Turn] = {}  # in the order in which their turns come
        self._resting: dict[Channel, IDelayedCall] = {}
        self._waiting: deque[_Connection] = deque()
        self._closed = False
        self._reserve: list[int] = []
        self._later: IDelayedCall | None = None
        bound = bind(requestOf(place), place.address)
        self._port = ListeningDescriptor(poller, bound.socket, self._accepted, bound.path)

    # -- workers ----------------------------------------------------------------------------

    def add(self, channel: Channel) -> Answer:
        """See `nodenet.cluster._handles.Held`."""
        self._workers[channel] = _Turn()
        self._poller.nextTick(self._deal)  # behind the answer
        name = self._port.localAddress()
        return {"dealt": True, "name": name if isinstance(name, tuple) else None}, None

    def remove(self, channel: Channel) -> None:
        """See `nodenet.cluster._handles.Held`."""
        if channel in self._workers:
            del self._workers[channel]
            self._wake(channel)

    @property
    def used(self) -> bool:
        """See `nodenet.cluster._handles.Held`."""
        return bool(self._workers)

    def close(self) -> None:
        """See `nodenet.cluster._handles.Held`."""
        self._closed = True
        self._give_up_reserve()
        if self._later is not None:
            self._later.cancel()
        while self._waiting:
            self._waiting.popleft().socket.close()
        self._port.close()

    def vacant(self, channel: Channel) -> None:
        """See `nodenet.cluster._handles.Held`."""
        if self._wake(channel):
            self._deal()

    # -- connections ------------------------------------------------------------------------

    def _accepted(self, skt: socket.socket, peer: Any) -> None:
        self._waiting.append(_Connection(skt, peer))
        self._deal()

    def _deal(self) -> None:
        """Give those who wait to those who can take some."""
        while self._waiting:
            channel = self._next()
            if channel is None:
                break
            self._offer(self._waiting.popleft(), channel)
        if self._closed:
            return
        full = not self._workers or len(self._waiting) >= MOST_WAITING
        if full or not self._has_reserve():
            self._port.stopReading()
        else:
            self._port.startReading()

    def _next(self) -> Channel | None:
        """Whose turn it is: of those who are offered the fewest, who waits longest."""
        best, fewest = None, WINDOW
        for channel, turn in self._workers.items():
            there = channel.connected and channel not in self._resting
            if turn.offered < min(fewest, turn.most) and there:
                best, fewest = channel, turn.offered
        return best

    def _offer(self, connection: _Connection, channel: Channel) -> None:
        turn = self._workers[channel]
        turn.offered += 1
        # What a client of a Unix socket has bound is of no use, and may be no text.
        peer = connection.peer if isinstance(connection.peer, tuple) else None
        query = {"act": "connection", "key": self._key, "peer": peer}
        offered = maybeDeferred(channel.ask, query, connection.socket)
        settle = partial(self._settle, connection, channel, turn)
        offered.addCallbacks(_accepts, partial(self._failed, channel)).addCallback(settle)
        offered.addErrback(self._poller.uncaught, self)

    def _failed(self, channel: Channel, failure: Failure) -> bool:
        error = failure.value
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            self._give_up_reserve()  # for the next one
        if channel.connected:
            _log.warn("a worker could not be given a connection: {why}", why=failure.value)
        return False

    def _settle(
        self, connection: _Connection, channel: Channel, turn: _Turn, accepted: bool
    ) -> None:
        if accepted or self._closed:
            connection.socket.close()
        else:
            self._waiting.appendleft(connection)
        if self._workers.get(channel) is turn:  # or else he listens again, in another turn
            self._workers[channel] = self._workers.pop(channel)
            turn.settle(bool(self._waiting))
            if not accepted and channel.connected and channel not in self._resting:
                rested = self._poller.callLater(_REST, self._rested, channel, ref=False)
                self._resting[channel] = rested
        self._deal()

    def _rested(self, channel: Channel) -> None:
        del self._resting[channel]
        self._deal()

    def _has_reserve(self) -> bool:
        """Hold the reserve, once those who wait do not need it any more."""
        try:
            while not self._waiting and len(self._reserve) < _RESERVE:
                self._reserve.append(os.dup(self._port.fileno()))
        except OSError:
            if self._later is None:
                self._later = self._poller.callLater(_REST, self._try_again, ref=False)
        return len(self._reserve) == _RESERVE

    def _give_up_reserve(self) -> None:
        while self._reserve:
            os.close(self._reserve.pop())

    def _try_again(self) -> None:
        self._later = None
        self._deal()

    def _wake(self, channel: Channel) -> bool:
        timer = self._resting.pop(channel, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._port.describe()}, {len(self._workers)} workers>"


def _accepts(answer: Answer) -> bool:
    return answer[0].get("accepted") is True
