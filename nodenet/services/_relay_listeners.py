"""What a relay listens on: nodenet's servers, the ports of Twisted's endpoints, UDP sockets.

Law: who may not come in gets no further than to be closed; nobody hears of him but the counters.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, cast

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IStreamServerEndpoint
from twisted.python.failure import Failure

from nodenet import net
from nodenet.addresses import BlockList
from nodenet.endpoints import StreamServerEndpoint
from nodenet.net._factory import Refused
from nodenet.services._address_lists import AddressLists
from nodenet.services._counting import countConnection, hostAndPort
from nodenet.services._listener import Listener, StreamListener
from nodenet.services._quiet import Figures
from nodenet.services._relay_stream import StreamRelay
from nodenet.services.counters import Counted, Counters

STOPPED = "service stopped"
"""How a connection ends that has not done so when the service has to."""


class Relaying(Listener):
    """A listener whose connections are relayed.

    None of them counts as finished before it has ended: nobody knows here whether an answer is
    still due.
    """

    relays: dict[StreamRelay, None]
    path: str | None = None
    """Where clients connect to, if that is a Unix socket."""

    def destroy(self) -> None:
        self.stop()
        for relay in list(self.relays):
            relay.end(STOPPED)

    def figures(self) -> Mapping[Hashable, Figures]:
        return {relay: Figures(relay.passed, 1) for relay in self.relays}

    def finish(self, connection: Hashable) -> None:
        cast(StreamRelay, connection).end(STOPPED)


Connection = Callable[[Relaying, net.Socket], object]
Full = Callable[[Listener], object]


class ServerListener(Relaying, StreamListener):
    """A `net.Server` of one of nodenet's endpoints.

    Args:
        endpoint: Where to listen.
        connection: Called with this and the socket of each connection.
        failed: Called with this and what the server emits as ``'error'``.
        news: Called when it is bound, if that is later.
        counters: Where it is counted.
        lists: Who may come in.
        limit: How many there may be at a time.
        full: Called with this when one is turned away because of that.
    """

    def __init__(
        self,
        endpoint: StreamServerEndpoint,
        connection: Connection,
        failed: Callable[[Listener, Exception], object],
        news: Callable[[], object],
        counters: Counters,
        lists: AddressLists,
        limit: int,
        full: Full,
    ) -> None:
        self.relays = {}
        super().__init__(endpoint, cast(Any, connection), failed, news, counters)
        server = self._server
        server.allowHalfOpen = True
        server.blockList = _Door(lists, server.blockList)
        own = server.maxConnections
        server.maxConnections = limit if own is None else min(limit, own)
        server.on("drop", lambda *_: full(self))

    def stop(self) -> None:
        if self._server.listening or not self.ready:
            self._server.close()

    def destroy(self) -> None:
        super().destroy()
        self._abort_unfinished()

    def figures(self) -> Mapping[Hashable, Figures]:
        return self._unfinished() | dict(super().figures())

    def _bound(self) -> None:
        super()._bound()
        address = self._server.address()
        self.path = address if isinstance(address, str) else None


class _Door(BlockList):
    """What a server asks whether somebody has to stay outside."""

    def __init__(self, lists: AddressLists, own: BlockList | None) -> None:
        super().__init__()
        self._lists = lists
        self._own = own

    def check(self, address: Any, family: str | None = "ipv4") -> bool:
        blocked = self._own is not None and self._own.check(address, family)
        return blocked or not self._lists.admits(address)


class PortListener(Relaying):
    """The port of an endpoint that is not nodenet's: ``haproxy:``, of a plugin, of a program.

    Args:
        endpoint: Where to listen. It has to be bound when its `listen` returns.
        kind: What its string begins with, for its name.
        connection, counters, lists, limit, full: As for `ServerListener`.
        reactor: What it runs on.

    Raises:
        Exception: It cannot listen.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        kind: str,
        connection: Connection,
        counters: Counters,
        lists: AddressLists,
        limit: int,
        full: Full,
        reactor: Any,
    ) -> None:
        self.relays = {}
        self._connection = connection
        self._lists = lists
        self._limit = limit
        self._full = full
        self._listens = True
        self._open = 0
        self._port = _bound(endpoint, _Factory(self._admits, self._accepted, reactor))
        self._where = f"{kind} {self._place(self._port.getHost())}"
        self.tally = counters.tally(self._where, Counted.CONNECTIONS)

    def stop(self) -> Deferred[Any] | None:
        if not self._listens:
            return None
        self._listens = False
        return maybeDeferred(self._port.stopListening)

    def _admits(self, address: IAddress | None) -> bool:
        host = getattr(address, "host", None)
        if not self._lists.admits(host):
            self.tally.connectionsBlocked += 1
        elif self._open >= self._limit:
            self.tally.connectionsDropped += 1
            self._full(self)
        else:
            return True
        return False

    def _accepted(self, socket: net.Socket) -> None:
        self._open += 1
        socket.on("close", self._left)
        countConnection(socket, self.tally)
        self._connection(self, socket)

    def _left(self, hadError: bool) -> None:
        self._open -= 1

    def _place(self, address: Any) -> str:
        if isinstance(address, UNIXAddress):
            self.path = "" if address.name is None else address.name.decode(errors="replace")
            return self.path.replace("\0", "@", 1)
        if hasattr(address, "host") and hasattr(address, "port"):
            return hostAndPort(address.host, address.port)
        return str(address)

    def __str__(self) -> str:
        return self._where


class _Factory(net.NodeFactory):
    """Refuses by a protocol that closes: what wraps protocols, as TLS does, knows no other way."""

    def __init__(
        self,
        admits: Callable[[IAddress | None], bool],
        accepted: Callable[[net.Socket], object],
        reactor: Any,
    ) -> None:
        super().__init__(accepted, allowHalfOpen=True, reactor=reactor)
        self._admits = admits

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return super().buildProtocol(addr) if self._admits(addr) else Refused()


def _bound(endpoint: IStreamServerEndpoint, factory: _Factory) -> Any:
    """The port of an endpoint: twistd gives up its privileges when this has returned."""
    outcomes: list[Any] = []
    listening = endpoint.listen(factory)
    listening.addBoth(outcomes.append)
    if not outcomes:
        listening.cancel()
        raise RuntimeError("it takes its time to listen, and a service has to be bound at once")
    if isinstance(outcomes[0], Failure):
        outcomes[0].raiseException()
    return outcomes[0]
