"""UDP, relayed: each client has a session, with a socket of its own towards the target.

Law: nothing here grows with what strangers send. There are at most so many sessions, each keeps
at most so many bytes, and what there is no room for is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall

from nodenet import dgram
from nodenet.addresses import isIP
from nodenet.endpoints import UDPClientEndpoint
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.loop import Poller
from nodenet.services._address_lists import AddressLists
from nodenet.services._listener import Listener
from nodenet.services._look_ups import LookUps
from nodenet.services._relay_listeners import STOPPED
from nodenet.services._relay_stream import IDLE, NOT_CONNECTED
from nodenet.services._session_listener import SessionListener, addressAsked
from nodenet.services._sessions import Sessions

CROWDED_OUT: Final = "made room"
"""How a session ends that was the first to go when there were too many."""

_UNSENT: Final = 1 << 17  # bytes that may wait to leave to the target
_EARLY: Final = 1 << 16  # bytes that a session keeps until it has found its target


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
        self.key = (listener, peer.address, peer.port, addressAsked(peer))
        self.bytesRead = self.bytesWritten = 0
        self.began = began
        self._relay = relay
        self._target: tuple[str, int] | None = None  # once it is connected
        self._early: list[bytes] = []
        self._early_size = 0
        self._closed = False
        self._socket: dgram.Socket | None = None

    def begin(self) -> None:
        """Connect with the target; that this is not possible may be found only later."""
        try:
            self._socket = socket = self._relay.open(self._answer)
        except OSError as error:
            self._relay.end(self, NOT_CONNECTED, error)
            return
        socket.on("error", self._failed)
        socket.once("connect", self._connected)

    def send(self, data: bytes) -> bool:
        """Send to the target; False: there is no room."""
        socket = self._socket
        if socket is None or self._closed:
            return False
        if self._target is None:
            if self._early_size + len(data) > _EARLY:
                return False
            self._early.append(data)
            self._early_size += len(data)
        elif socket.getSendQueueSize() > _UNSENT:
            return False
        else:
            socket.send(data)
        return True

    def close(self) -> None:
        """The session has ended."""
        self._closed = True
        try:
            if self._socket is not None:
                self._socket.close()
        except ERR_SOCKET_DGRAM_NOT_RUNNING:
            pass  # the reactor has stopped

    def _connected(self) -> None:
        if self._closed or self._socket is None:
            return
        where = self._socket.remoteAddress()
        assert not isinstance(where, str)
        self._target = where.address, where.port
        if self._target == (_plain(self.peer.address), self.peer.port):
            self.listener.tally.datagramsDropped += len(self._early)
            self._relay.end(self, NOT_CONNECTED)  # a forged sender: see `DatagramRelay._pass`
            return
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
        target: UDPClientEndpoint,
        poller: Poller,
        lists: AddressLists,
        limit: int,
        idle: float,
        ended: Callable[[Session, str, Exception | None], object],
        full: Callable[[Listener], object],
    ) -> None:
        self.target = target
        self._look_ups = LookUps(limit, poller.reactor)
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

    def open(self, answer: Callable[[bytes, Any], object]) -> dgram.Socket:
        """A socket that is about to be connected with the target."""
        named = not isIP(self.target.options.get("host") or "127.0.0.1")
        return self.target.open(answer, lookup=self._look_ups if named else None)

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    # -- private ----------------------------------------------------------------------------

    def _pass(self, listener: SessionListener, data: bytes, peer: Any) -> bool:
        """Pass a datagram on; False: it is dropped."""
        # A forged sender may be anybody: a port that there is not, or the target or this relay,
        # which would go on answering each other.
        if not peer.port or listener.isItself(peer) or self._is_target(peer):
            return False
        if not self._lists.admits(peer.address):
            return False
        key = (listener, peer.address, peer.port, addressAsked(peer))
        session = self._sessions.get(key)
        if session is None:
            session = self._begin(listener, peer)
        else:
            self._sessions.asked(key, session, self._poller.seconds())
        if session is None or not session.send(data):
            return False
        session.bytesRead += len(data)
        return True

    def _is_target(self, peer: Any) -> bool:
        """Whether a sender is said to be the target, as far as no look-up is needed to tell."""
        options = self.target.options
        return bool(peer.port == options["port"] and _plain(peer.address) == options.get("host"))

    def _begin(self, listener: SessionListener, peer: Any) -> Session | None:
        if self._look_ups.full:
            return None  # those who were crowded out have left theirs behind
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


def _plain(address: str) -> str:
    """An address as the target's socket has it: one of IPv4 may come in over IPv6."""
    return address.removeprefix("::ffff:") if "." in address else address
