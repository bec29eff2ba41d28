"""The port of a Twisted factory in a worker of a cluster: the primary has bound it.

Law: the factory is started once there are connections to come, and stopped with the port, however
that ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary, WeakSet

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IListeningPort

from nodenet.events import Event, EventEmitter
from nodenet.loop import Poller
from nodenet.transports.port import StreamPort
from nodenet.transports.source import Listener, Place, Port, Source


class _Owner(EventEmitter):
    """Speaks of a `StreamPort` as a source has it: see `nodenet.transports.source.Owner`."""

    EVENTS: ClassVar[tuple[Event, ...]] = (Event("listening", (), "The port listens."),)

    def __init__(self, port: StreamPort) -> None:
        super().__init__()
        self._port = port

    def address(self) -> Any:
        return self._port.getHost()

    def close(self, callback: Callable[[], object] | None = None) -> None:
        stopped = self._port.stopListening()
        if callback is not None:
            stopped.addBoth(lambda _: callback())


def shared(
    poller: Poller, source: Source, place: Place, port: StreamPort
) -> Deferred[IListeningPort]:
    """Ask `source` for `place`, and have `port` listen there.

    Returns:
        A Deferred of `port`; or of the error with which it cannot be bound.
    """
    owner = _Owner(port)

    def given(lent: Port) -> StreamPort:
        port.take(lent)
        _stopped_with_the_reactor(poller, port)
        poller.nextTick(owner.emit, "listening")
        return port

    return source.listen(place, Listener(owner, port.accepted, _takes_all)).addCallback(given)


def _takes_all(coming: int, over: Callable[[], object]) -> bool:
    return False


def _stopped_with_the_reactor(poller: Poller, port: StreamPort) -> None:
    """Have `port` stop listening when the reactor stops, if it listens then."""
    ports = _ports.get(poller)
    if ports is None:
        ports = _ports[poller] = WeakSet()
        poller.reactor.addSystemEventTrigger("before", "shutdown", _stop_all, poller)
    ports.add(port)


def _stop_all(poller: Poller) -> Deferred[Any]:
    return DeferredList([port.stopListening() for port in _ports.pop(poller)])


_ports: Final[WeakKeyDictionary[Poller, WeakSet[StreamPort]]] = WeakKeyDictionary()
"""Those that listen. The reactor has one trigger for all, which need not be taken away again when
one of them is closed."""
