"""A service that listens: its start, and its orderly stop.

Law: started means bound; stopped means that nothing of it is open, at most `grace` seconds after
it was asked to stop.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from nodenet import net
from nodenet.endpoints import Endpoint, StreamServerEndpoint, UDPServerEndpoint, parse
from nodenet.loop import Poller, pollerOf
from nodenet.services._failure import cannotStart
from nodenet.services._impatience import Impatience
from nodenet.services._listener import DatagramListener, Listener, StreamListener
from nodenet.services._stopping import Stopping

_log = Logger(namespace="nodenet")


class SocketService(Service):
    """The base of nodenet's services. A subclass says what to do with whoever comes.

    Args:
        listen: where to listen: endpoint strings, or endpoints of nodenet's.
        grace: seconds that open connections get to finish when the service stops.
        reactor: by default Twisted's global one, taken when the service starts.

    Raises:
        EndpointStringError: A string means nothing.
    """

    def __init__(
        self, listen: Iterable[str | Endpoint], *, grace: float = 5.0, reactor: Any = None
    ) -> None:
        self.endpoints: list[Endpoint] = [
            parse(endpoint, reactor) if isinstance(endpoint, str) else endpoint
            for endpoint in listen
        ]
        self.grace = grace
        self._reactor = reactor
        self._listeners: list[Listener] = []
        self._stopping: Stopping | None = None
        self._impatience: Impatience | None = None
        self._hurried = False
        self._told: set[tuple[str, str]] = set()

    # -- what a subclass does ---------------------------------------------------------------

    @abstractmethod
    def connection(self, listener: StreamListener, socket: net.Socket) -> None:
        """Somebody connected."""

    @abstractmethod
    def message(self, listener: DatagramListener, data: bytes, peer: Any) -> None:
        """Somebody sent a datagram."""

    # -- IService ---------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Bind; twistd gives up its privileges only then.

        Raises:
            CannotStart: Something could not be bound. Nothing is open then.
        """
        Service.privilegedStartService(self)
        self._bind()

    def startService(self) -> None:
        """Bind what is not bound yet, and serve.

        Raises:
            CannotStart: As `privilegedStartService`.
        """
        self._bind()
        Service.startService(self)
        self._poller.reactor.callWhenRunning(self._running)

    def stopService(self) -> Deferred[None]:
        """Take nobody new, and let what is open finish.

        Returns:
            A Deferred that fires when everything is closed, after `grace` seconds at the latest.
        """
        Service.stopService(self)
        if not self._listeners:
            return succeed(None)
        listeners, self._listeners = self._listeners, []
        grace = 0.0 if self._hurried else self.grace
        self._stopping = Stopping(self._poller, listeners, grace)
        return self._stopping.done.addCallback(self._stopped)

    # -- properties -------------------------------------------------------------------------

    @property
    def listening(self) -> list[str]:
        """Where the service listens, with real ports: ``['tcp 127.0.0.1:8124']``."""
        return [str(listener) for listener in self._listeners]

    # -- private ----------------------------------------------------------------------------

    @property
    def _poller(self) -> Poller:
        return pollerOf(self._reactor)

    def _bind(self) -> None:
        if self._listeners:
            return
        for endpoint in self.endpoints:
            try:
                self._listeners.append(self._listener(endpoint))
            except Exception as error:
                for opened in self._listeners:
                    opened.destroy()
                self._listeners.clear()
                raise cannotStart(f"{error} (for {endpoint})") from error

    def _running(self) -> None:
        """The reactor runs: signals end it in order from now on, so say that it is there."""
        self._impatience = Impatience(self._poller.reactor, self._hurry)
        self._impatience.begin()
        for where in self.listening:
            _log.info("listening on {listener}", listener=where)

    def _listener(self, endpoint: Endpoint) -> Listener:
        if isinstance(endpoint, UDPServerEndpoint):
            return DatagramListener(endpoint, self.message, self._failed)
        assert isinstance(endpoint, StreamServerEndpoint)
        return StreamListener(endpoint, self.connection, self._failed)

    def _failed(self, listener: Listener, error: Exception) -> None:
        """Say each kind of trouble once: the network can make much of it."""
        kind = (str(listener), getattr(error, "code", type(error).__name__))
        if kind not in self._told:
            self._told.add(kind)
            _log.error("{listener}: {error}", listener=kind[0], error=error)

    def _stopped(self, _: None) -> None:
        self._stopping = None
        if self._impatience is not None:
            self._impatience.end()
            self._impatience = None

    def _hurry(self) -> None:
        self._hurried = True
        if self._stopping is not None:
            self._stopping.hurry()
