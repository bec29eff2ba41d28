"""Where bound sockets come from: from this process, unless a source was put in its place.

Law: there is one source for a Poller or none, and who binds asks for it when he binds. None is the
rule: sockets are opened right there then. A worker of a cluster has one, which asks the primary.

Whoever stops waiting cancels what a source has returned; what arrives after that is closed by the
source, which also tells who gave it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred

from nodenet.loop import Poller

UNIX_TYPE: Final = -1
"""The type of a `Place` that is a path, which has this for a port too."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to be bound: the same place means the same socket to whoever asks a source for it.

    Attributes:
        type: 4 or 6 for TCP, `UNIX_TYPE`, ``'udp4'``, ``'udp6'``; None for a listening descriptor.
        address: The numeric address or the path; None: all addresses.
        port: The port, 0 for a free one.
        fd: The descriptor, a number of the process that owns the source.
        options: What else whoever binds was told, by Node's names: values that JSON has.
    """

    type: int | str | None
    address: str | None = None
    port: int | None = None
    fd: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Port(Protocol):
    """Where a server's connections come from: a listening descriptor is one."""

    @property
    def reading(self) -> bool: ...
    def startReading(self) -> None: ...
    def stopReading(self) -> None: ...
    def ref(self) -> None: ...
    def unref(self) -> None: ...
    def close(self) -> None: ...

    def localAddress(self) -> Any:
        """The raw address, or the path."""

    def duplicate(self) -> socket.socket | None:
        """Another descriptor of the listening socket; None when it is in another process."""


class Owner(Protocol):
    """Who is bound: emits ``'listening'`` when he is, and can be told to close."""

    def once(self, eventName: Any, listener: Callable[..., object]) -> Any: ...
    def removeListener(self, eventName: Any, listener: Callable[..., object]) -> Any: ...
    def address(self) -> Any: ...
    def close(self, callback: Any = None) -> Any: ...


@dataclass(frozen=True)
class Listener:
    """A server.

    Attributes:
        owner: The server itself.
        accepted: Gets each connection, and the raw address of its peer.
        refuses: Whether another connection shall rather go to another process, while `coming` are
            accepted already and on their way; ``refuses(coming, over)`` has ``over()`` called once
            that is over.
    """

    owner: Owner
    accepted: Callable[[socket.socket, Any], object]
    refuses: Callable[[int, Callable[[], object]], bool]


@dataclass(frozen=True)
class BoundSocket:
    """A datagram socket that is bound; `release` is called when it has been closed."""

    socket: socket.socket
    release: Callable[[], object]


class Source(Protocol):
    """Gives bound sockets, later. What cannot be bound fails in Node's words."""

    def listen(self, place: Place, listener: Listener) -> Deferred[Port]:
        """A port for a server."""

    def bind(self, place: Place, owner: Owner) -> Deferred[BoundSocket]:
        """A datagram socket."""


def sourceOf(poller: Poller) -> Source | None:
    """The source that was set for `poller`."""
    return _sources.get(poller)


def setSource(poller: Poller, source: Source | None) -> None:
    """Have who binds ask `source` from now on; None: nobody."""
    if source is None:
        _sources.pop(poller, None)
    else:
        _sources[poller] = source


_sources: Final[WeakKeyDictionary[Poller, Source]] = WeakKeyDictionary()
