"""One relayed connection: a client, its target, and the bytes between them.

Law: `end` does its work once. Both sockets are closed by then or are reset by it: what was cut
off never looks like the regular end that it was not, save to a Unix socket, which knows no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IProtocol,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from nodenet import net
from nodenet.endpoints import TLSClientEndpoint
from nodenet.loop import Poller

ENDED: Final = "ended"
"""How a connection ends that both sides have ended."""
IDLE: Final = "idle"
TIME_LIMIT: Final = "time limit"
NO_ANSWER: Final = "no answer from the target"
NOT_CONNECTED: Final = "cannot connect"
CLIENT_FAILED: Final = "client failed"
TARGET_FAILED: Final = "target failed"
CLIENT_LEFT: Final = "client left"

_LOOKS: Final = 4  # at what went through, in the time that a connection may be idle


class _Answering(net.NodeFactory):
    """Also tells when hands have been shaken with the target.

    Args:
        joined: As `NodeFactory`'s listener.
        answered: Called then.
        reactor: What it runs on.
    """

    def __init__(
        self,
        joined: Callable[[net.Socket], object],
        answered: Callable[[], object],
        reactor: Any,
    ) -> None:
        super().__init__(joined, allowHalfOpen=True, reactor=reactor)
        self._answered = answered

    def buildProtocol(self, addr: IAddress | None) -> Any:
        made: Any = super().buildProtocol(addr)
        made.handshakeCompleted = self._answered
        alsoProvides(made, IHandshakeListener)
        return made


@dataclass(frozen=True)
class Limits:
    """Seconds that a connection gets; 0: there is no limit.

    Attributes:
        connect: To reach the target.
        idle: Without a byte either way; it is up to a quarter more before that is noticed.
        total: From its beginning to its end.
    """

    connect: float
    idle: float
    total: float


class StreamRelay:
    """A client's connection, from the moment it was accepted.

    Args:
        client: Reads into its buffer, and flows as soon as there is a target.
        poller: Has the clock.
        limits: How long things may take.
        ended: Called once, with this, why it ended, and the error if there was one.
    """

    def __init__(
        self,
        client: net.Socket,
        poller: Poller,
        limits: Limits,
        ended: Callable[[StreamRelay, str, Exception | None], object],
    ) -> None:
        self.client = client
        self.target: net.Socket | None = None
        self.peer = (client.remoteAddress, client.remotePort)
        self.began = poller.seconds()
        self._poller = poller
        self._limits = limits
        self._ended: Callable[[StreamRelay, str, Exception | None], object] | None = ended
        self._connecting: Deferred[IProtocol] | None = None
        self._moved = 0
        self._active = self.began  # when something was seen to have moved
        self._watch(client, CLIENT_FAILED)
        self._total = self._after(limits.total, TIME_LIMIT)
        self._attempt: IDelayedCall | None = None
        self._shakes = False
        self._next_look: IDelayedCall | None = None

    # -- operations -------------------------------------------------------------------------

    def connect(self, endpoint: IStreamClientEndpoint, header: bytes) -> None:
        """Connect to the target.

        Args:
            endpoint: The target.
            header: What it is told before the client's first byte.
        """
        joined, reactor = partial(self._joined, header=header), self._poller.reactor
        self._shakes = isinstance(endpoint, TLSClientEndpoint)
        if self._shakes:
            factory: net.NodeFactory = _Answering(joined, self._answered, reactor)
        else:
            factory = net.NodeFactory(joined, allowHalfOpen=True, reactor=reactor)
        self._attempt = self._after(self._limits.connect, NO_ANSWER)
        self._connecting = endpoint.connect(factory)
        self._connecting.addErrback(self._not_connected)

    def end(self, why: str, error: Exception | None = None) -> None:
        """End it, if it has not ended yet: reset what is open."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        for timer in (self._total, self._attempt, self._next_look):
            if timer is not None and timer.active():
                timer.cancel()
        for socket in (self.client, self.target):
            if socket is not None and not socket.destroyed:
                # Not `resetAndDestroy`, which Node has for TCP alone: of TLS this is the end
                # without its "end", which tells it from one that the peer wanted.
                socket._reset()
        if self._connecting is not None:
            self._connecting.cancel()
        ended(self, why, error)

    # -- properties -------------------------------------------------------------------------

    @property
    def passed(self) -> int:
        """How many bytes went through it, either way."""
        target = 0 if self.target is None else self.target.bytesRead
        return self.client.bytesRead + target

    # -- from the sockets -------------------------------------------------------------------

    def _joined(self, target: net.Socket, header: bytes) -> None:
        """There is a target: let the bytes flow."""
        if not self._shakes:
            self._answered()
        self.target = target
        self._watch(target, TARGET_FAILED)
        if self._ended is None:
            target._reset()  # too late
            return
        if header:
            target.write(header)
        self.client.pipe(target)
        target.pipe(self.client)
        if self._limits.idle:
            self._active = self._poller.seconds()
            self._look()

    def _answered(self) -> None:
        """The target is there: connected, and by TLS if it is one of that."""
        if self._attempt is not None and self._attempt.active():
            self._attempt.cancel()

    def _not_connected(self, failure: Failure) -> None:
        error = failure.value
        self.end(NOT_CONNECTED, error if isinstance(error, Exception) else None)

    def _watch(self, socket: net.Socket, why: str) -> None:
        socket.on("error", partial(self.end, why))
        socket.on("close", self._closed)

    def _closed(self, hadError: bool) -> None:
        if self.target is None:
            self.end(CLIENT_LEFT)
        elif self.client.destroyed and self.target.destroyed:
            self.end(ENDED)

    # -- private ----------------------------------------------------------------------------

    def _look(self) -> None:
        """Has anything moved? What only left a buffer counts: a slow reader is not idle."""
        now = self._poller.seconds()
        moved = _moved(self.client) + _moved(self.target)
        if moved != self._moved:
            self._moved, self._active = moved, now
        if now - self._active >= self._limits.idle:
            self.end(IDLE)
        else:
            self._next_look = self._poller.callLater(
                self._limits.idle / _LOOKS, self._look, ref=False
            )

    def _after(self, seconds: float, why: str) -> IDelayedCall | None:
        return self._poller.callLater(seconds, self.end, why) if seconds else None


def _moved(socket: net.Socket | None) -> int:
    """How many bytes a connection has moved, as far as the kernel has taken them."""
    link = None if socket is None else socket._link
    return 0 if link is None else link.bytesRead + link.bytesSent
