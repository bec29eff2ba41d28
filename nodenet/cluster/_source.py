"""Where a worker's bound sockets come from: he asks the primary.

Law: what was asked for is given back exactly once, also when it comes after nobody waits for it any
more; so the primary knows who uses what.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.python.failure import Failure

from nodenet.cluster._channel import Answer, Channel
from nodenet.cluster._lease import Lease, absolute, keyOf
from nodenet.cluster._ports import DealtPort, OwnPort
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.loop import Poller
from nodenet.transports.source import UNIX_TYPE, BoundSocket, Listener, Owner, Place, Port

_T = TypeVar("_T")

Make = Callable[[Lease, dict[str, Any], socket.socket | None], _T]


class PrimarySource:
    """The source of a worker's Poller.

    Args:
        poller: The Poller.
        channel: Where the primary is.
        listens: Called when somebody is bound.

    Attributes:
        leaving: Whether this worker was asked to disconnect: then nothing more is bound, and who
            tries to is closed, or else he would keep the worker from its end.
    """

    leaving = False

    def __init__(
        self, poller: Poller, channel: Channel, listens: Callable[[], object] = lambda: None
    ) -> None:
        self._poller = poller
        self._channel = channel
        self._listens = listens
        self._leases: dict[str, Lease] = {}
        self._ports: dict[str, DealtPort] = {}
        self._users: dict[str, _Users] = {}
        channel.serve("connection", self._offered)

    # -- from who binds ---------------------------------------------------------------------

    def listen(self, place: Place, listener: Listener) -> Deferred[Port]:
        """See `nodenet.transports.source.Source`."""
        written = place.address

        def made(lease: Lease, answer: dict[str, Any], skt: socket.socket | None) -> Port:
            if skt is not None:
                path = written if place.type == UNIX_TYPE else None
                return OwnPort(self._poller, skt, listener, lease, path)
            name = written if answer["name"] is None else tuple(answer["name"])
            port = self._ports[lease.key] = DealtPort(self._poller, listener, lease, name)
            return port

        return self._ask(place, listener.owner, made)

    def bind(self, place: Place, owner: Owner) -> Deferred[BoundSocket]:
        """See `nodenet.transports.source.Source`."""

        def made(lease: Lease, answer: object, skt: socket.socket | None) -> BoundSocket:
            assert skt is not None
            return BoundSocket(skt, lease.release)

        return self._ask(place, owner, made)

    # -- the worker's end -------------------------------------------------------------------

    def close(self) -> Deferred[Any]:
        """Close everybody who has something of the primary's.

        Returns:
            A Deferred that fires when they are closed, and with them their connections.
        """
        return DeferredList([_closed(lease.owner) for lease in list(self._leases.values())])

    # -- private ----------------------------------------------------------------------------

    def _ask(self, place: Place, owner: Owner, make: Make[_T]) -> Deferred[_T]:
        if self.leaving:
            self._poller.nextTick(_closed, owner)
            return Deferred()
        lease = self._lease(place, owner)
        result: Deferred[_T] = Deferred(lambda _: lease.release())

        def answered(given: Answer) -> None:
            answer, skt = given
            if lease.released:
                if skt is not None:
                    skt.close()
            elif "errno" in answer:
                lease.release()
                result.errback(lease.refusal(answer["errno"], place.address))
            else:
                result.callback(make(lease, answer, skt))

        def failed(failure: Failure) -> None:
            if not lease.released:
                lease.release()
                error = failure.value
                if isinstance(error, OSError) and error.errno:  # there is no descriptor left, say
                    error = lease.refusal(error.errno, place.address)
                result.errback(error)

        pending = self._poller.pending(f"the binding of {place}")  # keeps the program going

        def settled(result: Any) -> Any:
            pending()
            return result

        asked = maybeDeferred(self._channel.ask, lease.query).addBoth(settled)
        asked.addCallbacks(answered, failed).addErrback(self._poller.uncaught, self)
        return result

    def _lease(self, place: Place, owner: Owner) -> Lease:
        place = absolute(place)
        users = self._users.setdefault(keyOf(place, 0), _Users())
        key = keyOf(place, users.begin())

        def over(lease: Lease) -> None:
            del self._leases[key]
            self._ports.pop(key, None)
            if users.end():
                del self._users[keyOf(place, 0)]

        lease = Lease(self._channel, key, place, owner, self._listens, over)
        self._leases[key] = lease
        return lease

    def _offered(self, query: dict[str, Any], skt: socket.socket | None) -> Answer:
        """The primary has a connection for one of the servers."""
        assert skt is not None
        port, peer = self._ports.get(query["key"]), query["peer"]
        accepted = port is not None and port.offered(skt, "" if peer is None else tuple(peer))
        if not accepted:
            skt.close()
        return {"accepted": accepted}, None


class _Users:
    """Those who use the same place: the first of each worker share a handle, and so on.

    As in Node, numbers are not used again before all are free.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._left = 0

    def begin(self) -> int:
        """One more: his number."""
        self._left += 1
        return next(self._numbers)

    def end(self) -> bool:
        """One fewer. Returns whether that was the last."""
        self._left -= 1
        return not self._left


def _closed(owner: Owner) -> Deferred[None]:
    closed: Deferred[None] = Deferred()
    try:
        owner.close(lambda *_: closed.callback(None))
    except ERR_SOCKET_DGRAM_NOT_RUNNING:
        closed.callback(None)  # it closes by itself once it is bound
    return closed
