"""UDP, relayed: each client has a session, with a socket of its own towards the target.

Law: nothing here grows with what strangers send. There are at most so many sessions, each keeps
at most so many bytes, and what there is no room for is dropped and counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall

from nodenet import dgram
from nodenet.addresses import isIPv6
from nodenet.endpoints import UDPServerEndpoint
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.loop import Poller
from nodenet.services._address_lists import AddressLists
from nodenet.services._listener import DatagramListener, Listener
from nodenet.services._relay_endpoints import DatagramTarget
from nodenet.services._relay_listeners import STOPPED
from nodenet.services._relay_stream import IDLE, NOT_CONNECTED
from nodenet.services._sessions import Sessions
from nodenet.services.counters import Counted, Counters

CROWDED_OUT: Final = "made room"
"""How a session ends that was the first to go when there were too many."""

_UNSENT: Final = 1 << 20  # bytes that may wait to leave to clients
_UNSENT_OF_SESSION: Final = 1 << 17  # bytes that may wait to leave to the target
_EARLY: Final = 1 << 16  # bytes that a session keeps until it has found its target
_ANYWHERE: Final = frozenset({None, "", "0.0.0.0", "::"})

Message = Callable[["SessionListener", bytes, Any], object]


class SessionListener(DatagramListener):
    """The UDP socket that clients know.

    Args:
        endpoint: Where to listen.
        message, failed, counters: As for `DatagramListener`.
        closing: Called with this when it is about to be closed.
    """

    def __init__(
        self,
        endpoint: UDPServerEndpoint,
        message: Message,
        failed: Callable[[Listener, Exception], object],
        counters: Counters,
        closing: Callable[[SessionListener], object],
    ) -> None:
        self._closing = closing
        super().__init__(_detailed(endpoint), message, failed, counters)  # type: ignore[arg-type]
        bound = self.socket.address()
        assert not isinstance(bound, str)
        self._address, self._port = bound.address, bound.port
        counters.tally(str(self), Counted.CONNECTIONS)

    def destroy(self) -> None:
        if self._open:
            self._closing(self)
        super().destroy()

    def isItself(self, peer: Any) -> bool:
        """Whether a sender is said to be this very socket."""
        return peer.port == self._port and peer.address in (self._address, _asked(peer))

    def reply(self, data: bytes, peer: Any) -> bool:
        """Send to a client, from the address that it has sent to; False: there is no room."""
        if not self._open or self.socket.getSendQueueSize() > _UNSENT:
            return False
        self.tally.datagramsSent += 1
        self.tally.sentBytes += len(data)
        source = _asked(peer)
        if source is None:
            self.socket.send(data, peer.port, peer.address)
        else:
            self.socket.send(data, peer.port, peer.address, fromAddress=source)
        return True


def _detailed(endpoint: UDPServerEndpoint) -> UDPServerEndpoint:
    """On a host with several addresses: one that tells which of them was asked."""
    if endpoint.options.get("address") not in _ANYWHERE or sys.platform != "linux":
        return endpoint
    return UDPServerEndpoint(endpoint._reactor, **{**endpoint.options, "packetInfo": True})


def _asked(peer: Any) -> str | None:
    """The address that a datagram was sent to, if it is one to answer from."""
    if not isinstance(peer, dgram.PacketInfo) or not peer.localAddress:
        return None
    local = peer.localAddress.lower()
    if not isIPv6(local):
        return local  # of a broadcast, too, the kernel tells the address of the interface
    if local.startswith("ff"):
        return None
    return f"{local}%{peer.localInterface}" if local.startswith("fe80:") else local


class Session:
    """One client of a listener, and the socket that stands for it towards the target.

    Attributes:
        bytesRead: Bytes that the client has sent.
        bytesWritten: Bytes that were sent to it.
        began: When, by the Poller's clock.
    """

    lastHeard = 0.0
    answered = False
    confirmed = False
    error: Exception | None = None

    def __init__(
        self, listener: SessionListener, peer: Any, relay: DatagramRelay, began: float
    ) -> None:
        self.listener = listener
        self.peer = peer
        self.key = (listener, peer.address, peer.port, _asked(peer))
        self.bytesRead = self.bytesWritten = 0
        self.began = began
        self._relay = relay
        self._target: tuple[str, int] | None = None  # once it is connected
        self._early: list[bytes] = []
        self._early_size = 0
        self._closed = False
        self._socket = relay.target.open()
        self._socket.on("message", self._answer)
        self._socket.on("error", self._failed)

    def begin(self) -> None:
        """Connect with the target; it may be found only later that this is not possible."""
        target = self._relay.target
        self._socket.connect(target.port, target.host, self._connected)

    def send(self, data: bytes) -> bool:
        """Send to the target; False: there is no room."""
        if self._closed:
            return False
        if self._target is None:
            if self._early_size + len(data) > _EARLY:
                return False
            self._early.append(data)
            self._early_size += len(data)
        elif self._socket.getSendQueueSize() > _UNSENT_OF_SESSION:
            return False
        else:
            self._socket.send(data)
        return True

    def close(self) -> None:
        """The session has ended."""
        self._closed = True
        try:
            self._socket.close()
        except ERR_SOCKET_DGRAM_NOT_RUNNING:
            pass  # the reactor has stopped

    def _connected(self, error: Exception | None = None, *_: object) -> None:
        if self._closed:
            return
        if error is not None:
            self._relay.end(self, NOT_CONNECTED, error)
            return
        where = self._socket.remoteAddress()
        assert not isinstance(where, str)
        self._target = where.address, where.port
        for data in self._early:
            self._socket.send(data)
        self._early.clear()

    def _answer(self, data: bytes, sender: Any) -> None:
        # Until a socket is connected, the kernel takes datagrams from anybody.
        if (sender.address, sender.port) == self._target:
            self._relay.answer(self, data)

    def _failed(self, error: Exception) -> None:
        if self._target is None:
            self._relay.end(self, NOT_CONNECTED, error)
        else:
            self.error = error  # the target may be there again for the next datagram
            self.listener.tally.failed(error)


class DatagramRelay:
    """The sessions of a service.

    Args:
        target: Where datagrams go.
        poller: Has the clock.
        lists: Who may send.
        limit: How many sessions there may be.
        idle: Seconds that one lasts without a datagram either way.
        ended: Called with a session that has ended, why, and the error if there was one.
        full: Called with a listener when its client found no room.
    """

    def __init__(
        self,
        target: DatagramTarget,
        poller: Poller,
        lists: AddressLists,
        limit: int,
        idle: float,
        ended: Callable[[Session, str, Exception | None], object],
        full: Callable[[Listener], object],
    ) -> None:
        self.target = target
        self._poller = poller
        self._lists = lists
        self._sessions: Sessions[Any, Session] = Sessions(limit, idle)
        self._ended = ended
        self._full = full
        self._expiry: IDelayedCall | None = None

    def message(self, listener: SessionListener, data: bytes, peer: Any) -> None:
        """A client has sent a datagram."""
        if not self._pass(listener, data, peer):
            listener.tally.datagramsDropped += 1

    def answer(self, session: Session, data: bytes) -> None:
        """The target has sent one to a client."""
        if session.listener.reply(data, session.peer):
            session.bytesWritten += len(data)
            self._sessions.answered(session.key, session, self._poller.seconds())
        else:
            session.listener.tally.datagramsDropped += 1

    def end(self, session: Session, why: str, error: Exception | None = None) -> None:
        """A session ends."""
        if self._sessions.get(session.key) is not session:
            return
        self._sessions.remove(session.key)
        session.listener.tally.connectionsActive -= 1
        session.close()
        self._ended(session, why, error or session.error)

    def endWhere(self, applies: Callable[[Session], bool], why: str) -> None:
        """End all sessions to which something applies."""
        for _, session in self._sessions:
            if applies(session):
                self.end(session, why)

    def closing(self, listener: SessionListener) -> None:
        """A listener is about to be closed."""
        self.endWhere(lambda session: session.listener is listener, STOPPED)
        if not self._sessions and self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    # -- private ----------------------------------------------------------------------------

    def _pass(self, listener: SessionListener, data: bytes, peer: Any) -> bool:
        """Pass a datagram on; False: it is dropped."""
        # A forged sender may be anybody: a port that there is not, or the target or this relay,
        # which would go on answering each other.
        if not peer.port or self.target.isItself(peer.address, peer.port):
            return False
        if listener.isItself(peer):
            return False
        if not self._lists.admits(peer.address):
            return False
        key = (listener, peer.address, peer.port, _asked(peer))
        session = self._sessions.get(key)
        if session is None:
            session = self._begin(listener, peer)
        else:
            self._sessions.asked(key, session, self._poller.seconds())
        if session is None or not session.send(data):
            return False
        session.bytesRead += len(data)
        return True

    def _begin(self, listener: SessionListener, peer: Any) -> Session | None:
        if self._sessions.full() and not self._make_room(listener):
            return None
        tally = listener.tally
        tally.connectionsAccepted += 1
        tally.connectionsActive += 1
        now = self._poller.seconds()
        session = Session(listener, peer, self, now)
        self._sessions.add(session.key, session, now)
        session.begin()
        if self._expiry is None:
            self._await_expiry()
        return session

    def _make_room(self, listener: SessionListener) -> bool:
        """Whether there is room now for a new session."""
        listener.tally.connectionsDropped += 1
        self._full(listener)
        found = self._sessions.dispensable()
        if found is None:
            return False
        self.end(found[1], CROWDED_OUT)
        return True

    def _await_expiry(self) -> None:
        at = self._sessions.nextExpiry()
        if at is None:
            self._expiry = None
        else:
            left = max(0.0, at - self._poller.seconds())
            self._expiry = self._poller.callLater(left, self._expire, ref=False)

    def _expire(self) -> None:
        for _, session in self._sessions.expired(self._poller.seconds()):
            self.end(session, IDLE)
        self._await_expiry()
