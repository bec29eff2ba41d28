"""A service that listens: its start, and its orderly stop.

Law: started means bound; stopped means that nothing of it is open, at most `grace` seconds after
it was asked to stop.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from nodenet import net
from nodenet.endpoints import Endpoint, StreamServerEndpoint, UDPServerEndpoint, parse
from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.services._failure import cannotStart
from nodenet.services._given import listOf
from nodenet.services._listener import DatagramListener, Listener, StreamListener
from nodenet.services._operated import OperatedService
from nodenet.services._stopping import Stopping
from nodenet.services.counters import Counters

_log = Logger(namespace="nodenet")


class SocketService(OperatedService):
    """The base of the services that listen. A subclass says what to do with whoever comes.

    Args:
        listen: where to listen: endpoint strings, or endpoints.
        grace: seconds that open connections get to finish when the service stops.
        stats: where to show the counters, as for ``--stats``, or an endpoint; None: nowhere.
        reactor: by default Twisted's global one, taken when the service starts.

    Raises:
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.
        EndpointStringError: A string means nothing.
        ValueError: `grace` is negative or has no end.
    """

    def __init__(
        self,
        listen: Iterable[str | Endpoint | IStreamServerEndpoint],
        *,
        grace: float = 5.0,
        stats: str | IStreamServerEndpoint | None = None,
        reactor: Any = None,
    ) -> None:
        super().__init__(grace=grace, stats=stats, reactor=reactor)
        self.endpoints: list[Endpoint | IStreamServerEndpoint] = [
            self._read(endpoint) if isinstance(endpoint, str) else self._checked(endpoint)
            for endpoint in listOf(listen, "listen")
        ]
        self._listeners: list[Listener] = []
        self._told: set[tuple[str, str]] = set()

    # -- what a subclass does ---------------------------------------------------------------

    @abstractmethod
    def connection(self, listener: StreamListener, socket: net.Socket) -> None:
        """Serve a connection.

        Args:
            listener: Who accepted it.
            socket: The connection.
        """

    @abstractmethod
    def message(self, listener: DatagramListener, data: bytes, peer: Any) -> None:
        """Serve a datagram.

        Args:
            listener: Who received it.
            data: Its bytes.
            peer: Who sent it: a `dgram.RemoteInfo`.
        """

    # -- as every service -------------------------------------------------------------------

    def openAll(self) -> None:
        """Bind.

        Raises:
            CannotStart: Something could not be bound. Nothing is open then.
        """
        for endpoint in self.endpoints:
            try:
                self._listeners.append(self._listener(endpoint))
            except Exception as error:
                for opened in self._listeners:
                    opened.destroy()
                self._listeners.clear()
                raise cannotStart(f"{error} (for {endpoint})") from error

    def endAll(self, grace: float) -> Stopping:
        """Take nobody new, and let open connections finish for `grace` seconds."""
        listeners, self._listeners = self._listeners, []
        return Stopping(self._poller, listeners, grace)

    @property
    def listening(self) -> list[str]:
        """Where the service listens, with real ports: ``['tcp 127.0.0.1:8124']``."""
        return [str(listener) for listener in self._listeners if listener.ready]

    @property
    def ready(self) -> bool:
        """Whether everything is bound."""
        return all(listener.ready for listener in self._listeners)

    # -- private ----------------------------------------------------------------------------

    def _read(self, text: str) -> Endpoint | IStreamServerEndpoint:
        return parse(text, self._reactor)

    def _checked(self, endpoint: object) -> Endpoint | IStreamServerEndpoint:
        """Refuse what cannot be listened on."""
        if not isinstance(endpoint, StreamServerEndpoint | UDPServerEndpoint):
            raise ERR_INVALID_ARG_TYPE("listen", ["string", "Endpoint"], endpoint)
        return endpoint

    def _listener(self, endpoint: Endpoint | IStreamServerEndpoint) -> Listener:
        if isinstance(endpoint, UDPServerEndpoint):
            return DatagramListener(endpoint, self.message, *self._hearers())
        assert isinstance(endpoint, StreamServerEndpoint)
        return StreamListener(endpoint, self.connection, *self._hearers())

    def _hearers(self) -> tuple[Callable[..., object], Callable[[], object], Counters]:
        """Who hears of a listener's trouble and of its beginning, and counts."""
        return self._failed, self.announce, self.counters

    def _failed(self, listener: Listener, error: Exception) -> None:
        """Say each kind of trouble once: the network can make much of it."""
        if not listener.ready:
            self.cannotServe(error)
        kind = (str(listener), getattr(error, "code", type(error).__name__))
        if kind not in self._told:
            self._told.add(kind)
            _log.error("{listener}: {error}", listener=kind[0], error=error)
