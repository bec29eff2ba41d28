"""The relay service: what comes in here goes out there, and back.

Law: bytes of connections go on in order and none is dropped, at the speed at which the other side
takes them, and each side hears from the relay what the other one did: its end, its reset, its
silence. Datagrams may be dropped where there is no room for them, and are counted then. Nothing
here grows without a bound, whoever sends.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.logger import Logger

from nodenet import net
from nodenet.endpoints import (
    Endpoint,
    StreamServerEndpoint,
    UDPClientEndpoint,
    UDPServerEndpoint,
)
from nodenet.endpoints._openssl import reasonOf
from nodenet.endpoints.client import StreamClientEndpoint
from nodenet.services._address_lists import AddressLists
from nodenet.services._counting import hostAndPort
from nodenet.services._listener import Listener
from nodenet.services._look_ups import LookUps
from nodenet.services._proxy_header import Ends, proxyHeader
from nodenet.services._relay_datagrams import CROWDED_OUT, DatagramRelay, Session
from nodenet.services._relay_endpoints import (
    NamedEndpoint,
    beginsWithTLS,
    connectEndpoint,
    listenEndpoint,
)
from nodenet.services._relay_listeners import PortListener, Relaying, ServerListener
from nodenet.services._relay_settings import (
    DEFAULT_CONNECT,
    DEFAULT_IDLE,
    DEFAULT_SESSION_IDLE,
    Settings,
    checkTogether,
)
from nodenet.services._relay_stream import (
    NO_ANSWER,
    NOT_CONNECTED,
    TARGET_FAILED,
    Limits,
    StreamRelay,
)
from nodenet.services._service import SocketService
from nodenet.services._session_listener import SessionListener
from nodenet.services._signals import OnSignal
from nodenet.services._stopping import Stopping

_log = Logger(namespace="nodenet")

BLOCKED: Final = "blocked"
"""How a connection ends whose client came onto a list."""


class RelayService(SocketService):
    """Relays connections, or datagrams, to one target.

    In a ``.tac`` file::

        from twisted.application.service import Application
        from nodenet.services import RelayService

        application = Application("relay")
        relay = RelayService(["tcp:8080"], "unix:/run/app.sock", block=["@/etc/blocked"])
        relay.setServiceParent(application)

    Args:
        listen: where to listen, as for ``--listen``; or endpoints.
        connect: the target, as for ``--connect``; or an endpoint. All that listens takes
            connections and this too, or all is UDP.
        block: lists of addresses that are not let in, as for ``--block``.
        allow: lists of addresses that are; if there are any, nobody else is.
        maxConnections: how many connections there may be at a time on each endpoint, or how many
            UDP sessions in all; None: 1,024, or fewer where the limit of open files says so.
        connectTimeout: seconds that the target has to answer; 0: as long as its endpoint waits.
        idleTimeout: seconds that a connection or session may be quiet, up to 1,000,000; 0 for a
            connection: for ever. None: 600, and 60 for a session.
        timeLimit: seconds that a connection may last; 0: for ever.
        proxyProtocol: 1 or 2: tell the target who the client is, by this version of the PROXY
            protocol; None: do not.
        grace: seconds that open connections get to end when the service stops.
        stats: where to show the counters, as for ``--stats``, or an endpoint; None: nowhere.
        reactor: by default Twisted's global one, taken when the service starts, or at once for
            an endpoint string of Twisted's.

    Raises:
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.
        EndpointStringError: A string means nothing.
        ValueError: What was asked for does not go together, or is out of range; or a list cannot
            be read.
    """

    def __init__(
        self,
        listen: Iterable[str | Endpoint | IStreamServerEndpoint],
        connect: str | IStreamClientEndpoint | UDPClientEndpoint,
        *,
        block: Iterable[str] = (),
        allow: Iterable[str] = (),
        maxConnections: int | None = None,
        connectTimeout: float = DEFAULT_CONNECT,
        idleTimeout: float | None = None,
        timeLimit: float = 0.0,
        proxyProtocol: int | None = None,
        grace: float = 5.0,
        stats: str | IStreamServerEndpoint | None = None,
        reactor: Any = None,
    ) -> None:
        super().__init__(listen, grace=grace, stats=stats, reactor=reactor)
        self._target = connectEndpoint(connect, reactor)
        self._to = str(connect)
        datagrams = isinstance(self._target, UDPClientEndpoint)
        if idleTimeout is None:
            idleTimeout = DEFAULT_SESSION_IDLE if datagrams else DEFAULT_IDLE
        limits = Limits(connectTimeout, idleTimeout, timeLimit)
        self._settings = Settings(datagrams, maxConnections, limits, proxyProtocol)
        over_tls = beginsWithTLS(self._target, self._to)
        checkTogether(self.endpoints, self._target, self._to, self._settings, over_tls)
        self._lists = AddressLists(block, allow)
        self._on_hup: OnSignal | None = None
        self._limit = 0
        self._sessions: DatagramRelay | None = None

    # -- operations -------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the files of the lists again, as at SIGHUP; who is not let in any more is cut off.

        A list that cannot be read is a line in the log, and the lists stay as they were.
        """
        try:
            self._lists.readAgain()
        except ValueError as error:
            _log.error("the lists stay as they were: {error}", error=error)
            return
        _log.info("read the lists again")
        for listener in self._listeners:
            if isinstance(listener, Relaying):
                for relay in list(listener.relays):
                    if not self._lists.admits(relay.peer[0]):
                        relay.end(BLOCKED)
        if self._sessions is not None:
            self._sessions.endWhere(
                lambda session: not self._lists.admits(session.peer.address), BLOCKED
            )

    # -- as every service that listens ------------------------------------------------------

    def openAll(self) -> None:
        """Bind.

        Raises:
            CannotStart: Something could not be bound. Nothing is open then.
        """
        self._limit = self._settings.room(len(self.endpoints))
        if isinstance(self._target, StreamClientEndpoint):
            lookUps = LookUps(self._limit, self._poller.reactor)
            self._target = self._target.lookingUp(lookUps)
        if isinstance(self._target, UDPClientEndpoint):
            self._sessions = DatagramRelay(
                self._target,
                self._poller,
                self._lists,
                self._limit,
                self._settings.limits.idle,
                self._session_ended,
                self._is_full,
            )
        super().openAll()
        self._on_hup = OnSignal(self._poller.reactor, signal.SIGHUP, self.reload)
        self._on_hup.begin()

    def endAll(self, grace: float) -> Stopping:
        """Take nobody new, and let open connections end for `grace` seconds."""
        if self._on_hup is not None:
            self._on_hup.end()
            self._on_hup = None
        return super().endAll(grace)

    def connection(self, listener: Any, socket: net.Socket) -> None:
        """Relay a connection; see `SocketService.connection`."""
        assert not isinstance(self._target, UDPClientEndpoint)
        ended = partial(self._relay_ended, listener)
        relay = StreamRelay(socket, self._poller, self._settings.limits, ended)
        listener.relays[relay] = None
        if self._lists.admits(relay.peer[0]):
            relay.connect(self._target, self._header(listener, socket))
        else:
            relay.end(BLOCKED)  # the lists were read again while hands were shaken

    def message(self, listener: Any, data: bytes, peer: Any) -> None:
        """Relay a datagram; see `SocketService.message`."""
        assert self._sessions is not None
        self._sessions.message(listener, data, peer)

    # -- private ----------------------------------------------------------------------------

    def _read(self, text: str) -> Endpoint | IStreamServerEndpoint:
        return listenEndpoint(text, self._reactor)

    def _checked(self, endpoint: object) -> Endpoint | IStreamServerEndpoint:
        """Twisted's endpoints, too."""
        if IStreamServerEndpoint.providedBy(endpoint):
            return endpoint
        return super()._checked(endpoint)

    def _listener(self, endpoint: Endpoint | IStreamServerEndpoint) -> Listener:
        if isinstance(endpoint, UDPServerEndpoint):
            assert self._sessions is not None
            closing = self._sessions.closing
            return SessionListener(endpoint, self.message, *self._hearers(), closing)
        who = (self._lists, self._limit, self._is_full)
        if isinstance(endpoint, StreamServerEndpoint):
            return ServerListener(endpoint, self.connection, *self._hearers(), *who)
        assert not isinstance(endpoint, Endpoint)
        kind = endpoint.kind if isinstance(endpoint, NamedEndpoint) else type(endpoint).__name__
        reactor = self._poller.reactor
        return PortListener(endpoint, kind, self.connection, self.counters, *who, reactor)

    def _header(self, listener: Relaying, socket: net.Socket) -> bytes:
        if self._settings.proxy is None:
            return b""
        ends = Ends(
            socket.remoteAddress,
            socket.remotePort or 0,
            socket.localAddress,
            socket.localPort or 0,
        )
        return proxyHeader(self._settings.proxy, ends, listener.path)

    def _relay_ended(
        self, listener: Relaying, relay: StreamRelay, why: str, error: Exception | None
    ) -> None:
        listener.relays.pop(relay, None)
        if why in (NOT_CONNECTED, TARGET_FAILED):  # errors of clients are counted already
            listener.tally.failed(error or why)
        elif why == NO_ANSWER:
            listener.tally.failed("ETIMEDOUT")
        self._say(listener, relay.peer, relay.client, relay.began, why, error)
        self._has_room(listener, len(listener.relays))

    def _session_ended(self, session: Session, why: str, error: Exception | None) -> None:
        listener = session.listener
        if why == NOT_CONNECTED and error is not None:
            listener.tally.failed(error)
            self._failed(listener, error)
        if why in (NOT_CONNECTED, CROWDED_OUT):
            return  # there may be one for each datagram of a flood
        peer = (session.peer.address, session.peer.port)
        self._say(listener, peer, session, session.began, why, error)
        assert self._sessions is not None
        self._has_room(listener, len(self._sessions))

    def _say(
        self,
        listener: Listener,
        peer: tuple[str | None, int | None],
        source: net.Socket | Session,
        began: float,
        why: str,
        error: Exception | None,
    ) -> None:
        """The line in the log."""
        host, port = peer
        _log.info(
            "{listener}: {peer} to {target}: {bytesIn} bytes in, {bytesOut} out "
            "in {seconds:.3f} s: {why}{because}",
            listener=str(listener),
            peer="somebody" if host is None or port is None else hostAndPort(host, port),
            target=self._to,
            bytesIn=source.bytesRead,
            bytesOut=source.bytesWritten,
            seconds=self._poller.seconds() - began,
            why=why,
            error=error,
            because="" if error is None else f": {reasonOf(error)}",
        )

    def _is_full(self, listener: Listener) -> None:
        """Say it once, until there is room again: there may be a flood."""
        kind = (str(listener), "full")
        if kind not in self._told:
            self._told.add(kind)
            _log.warn(
                "{listener}: there are {limit} already, and no room for more",
                listener=kind[0],
                limit=self._limit,
            )

    def _has_room(self, listener: Listener, now: int) -> None:
        if now <= self._limit // 2:
            self._told.discard((str(listener), "full"))
