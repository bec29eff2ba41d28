"""Handing a socket to another process: what goes over the channel, and what is made of it there.

Law: a connection is in one place. From `pack` on the sender's `net.Socket` neither reads nor
writes; once the other process has it, it is closed here; when it did not get there, the sender goes
on with it, and has lost no byte. What was read already goes along.
"""

from __future__ import annotations

import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from nodenet import dgram, net
from nodenet.errors import ERR_INVALID_HANDLE_TYPE
from nodenet.loop import Poller
from nodenet.net._passing import Passage, checked


class Parcel:
    """A handle on its way.

    Attributes:
        socket: What to send along; ``None`` when there is none (a socket that is not connected):
            then the message goes alone, as in Node. To be closed by who has packed.
        said: What the other process must know of it.
    """

    def __init__(
        self, skt: socket.socket | None, said: dict[str, Any], passage: Passage | None = None
    ) -> None:
        self.socket = skt
        self.said = said
        self._passage = passage

    def sent(self) -> None:
        """The channel has its own descriptor."""
        if self.socket is not None:
            self.socket.close()

    def arrived(self) -> None:
        """The other process has it."""
        if self._passage is not None:
            self._passage.finish()

    def returned(self) -> None:
        """It did not get there."""
        if self._passage is not None:
            self._passage.undo()


def pack(handle: Any, keepOpen: bool) -> Parcel:
    """Prepare `handle` for the way.

    Raises:
        ERR_INVALID_HANDLE_TYPE: It cannot be sent: it is no socket, or encrypted, or not
            nodenet's own.
        ERR_INVALID_STATE: A connection whose written bytes have not all left.
        OSError: There is no descriptor left.
    """
    if isinstance(handle, net.Socket):
        return _pack_connection(handle, keepOpen)
    if isinstance(handle, net.Server):
        listening = handle._duplicate()
        if listening is None and handle.listening:
            raise ERR_INVALID_HANDLE_TYPE()  # the primary deals connections out to it
        return Parcel(listening, {"kind": "net.Server"})
    if isinstance(handle, dgram.Socket):
        return Parcel(handle._kernel_socket(bind=True).dup(), {"kind": handle.type})
    if isinstance(handle, socket.socket):
        return Parcel(handle.dup(), {"kind": "socket"})
    raise ERR_INVALID_HANDLE_TYPE()


def unpack(poller: Poller, said: Mapping[str, Any], skt: socket.socket) -> Deferred[Any]:
    """Make of what has arrived what it was; when that cannot be, the Deferred fails."""
    try:
        return _MAKERS[said["kind"]](poller, said, skt)
    except (LookupError, TypeError, ValueError, OSError) as error:
        skt.close()
        return fail(error)


def discard(handle: Any) -> None:
    """Nobody wants what has arrived."""
    if isinstance(handle, net.Socket):
        handle.destroy()
    elif handle is not None:
        handle.close()


def _pack_connection(connection: net.Socket, keepOpen: bool) -> Parcel:
    if connection._link is None:
        return Parcel(None, {"kind": "net.Socket"})
    if keepOpen:
        return Parcel(checked(connection).getHandle().dup(), {"kind": "net.Socket"})
    passage = Passage(connection)
    said = {"kind": "net.Socket", "data": b64encode(passage.data).decode()}
    return Parcel(passage.socket, said, passage)


def _connection(poller: Poller, said: Mapping[str, Any], skt: socket.socket) -> Deferred[Any]:
    data = b64decode(said.get("data", ""))
    connection = net.Socket({"fd": skt.fileno()}, reactor=poller.reactor)
    skt.detach()
    if data:
        connection.unshift(data)
    return succeed(connection)


def _server(poller: Poller, said: Mapping[str, Any], skt: socket.socket) -> Deferred[Any]:
    server = net.Server(reactor=poller.reactor)

    def failed(failure: Failure) -> Failure:
        skt.close()
        return failure

    return _bound(server, lambda: server.listen(skt)).addErrback(failed)


def _datagrams(poller: Poller, said: Mapping[str, Any], skt: socket.socket) -> Deferred[Any]:
    datagrams = dgram.Socket(said["kind"], reactor=poller.reactor)
    bound = _bound(datagrams, lambda: datagrams.bind(fd=skt.fileno(), exclusive=True))
    skt.detach()
    return bound


def _bound(handle: Any, bind: Callable[[], object]) -> Deferred[Any]:
    bound: Deferred[Any] = Deferred()

    def listening() -> None:
        handle.removeListener("error", failed)
        bound.callback(handle)

    def failed(error: BaseException) -> None:
        handle.removeListener("listening", listening)
        bound.errback(error)

    handle.once("listening", listening)
    handle.once("error", failed)
    bind()
    return bound


def _raw(poller: Poller, said: Mapping[str, Any], skt: socket.socket) -> Deferred[Any]:
    return succeed(skt)


_MAKERS: Mapping[str, Callable[[Poller, Mapping[str, Any], socket.socket], Deferred[Any]]] = {
    "net.Socket": _connection,
    "net.Server": _server,
    "udp4": _datagrams,
    "udp6": _datagrams,
    "socket": _raw,
}
