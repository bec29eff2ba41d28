"""What a server and a socket of Node's kind tell of themselves, counted.

Law: counting listens and never answers: it takes no event from anybody, least of all ``'error'``.
"""

from __future__ import annotations

from typing import Final

from twisted.logger import Logger

from nodenet import dgram, net
from nodenet.endpoints._openssl import reasonOf
from nodenet.endpoints.tls import TLSServer
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.events import errorMonitor
from nodenet.services._sparing import Sparing
from nodenet.services.counters import Counted, Counters, Tally

_log = Logger(namespace="nodenet")

_LINES: Final = 10  # about handshakes that fail, of each listener
_SECONDS: Final = 60.0  # in which there are no more


def countServer(server: net.Server, counters: Counters) -> Tally:
    """Count the connections of a server that listens."""
    tally = counters.tally(whereServer(server), Counted.CONNECTIONS)

    def dropped(*_: object) -> None:
        tally.connectionsDropped += 1

    server.prependListener("connection", lambda socket: countConnection(socket, tally))
    server.on("drop", dropped)
    server.on(errorMonitor, tally.failed)
    server.on("close", tally.read("connectionsBlocked", lambda: server.blockedConnections))
    if isinstance(server, TLSServer):
        _count_handshakes(server, tally)
    return tally


def _count_handshakes(server: TLSServer, tally: Tally) -> None:
    """Count those that fail; nobody else hears of them, so the log does as well."""
    tally.counts |= Counted.HANDSHAKES
    lines = Sparing(_LINES, _SECONDS)

    def failed(error: BaseException, peer: net.AddressInfo) -> None:
        tally.handshakesFailed += 1
        over = lines.passedOver(server._poller.seconds())
        if over is not None:
            _log.info(
                "{listener}: {peer}: TLS handshake failed: {reason}{more}",
                listener=tally.listener,
                peer=hostAndPort(peer.address, peer.port),
                reason=reasonOf(error),
                error=error,
                more=f" (and {over} more without a line)" if over else "",
            )

    server.on("tlsClientError", failed)


def countConnection(socket: net.Socket, tally: Tally) -> None:
    """Count a connection that was accepted just now."""
    tally.opened(socket)
    socket.on(errorMonitor, tally.failed)
    socket.on("close", lambda _: tally.closed(socket))


def countMessages(socket: dgram.Socket, counters: Counters) -> Tally:
    """Count the datagrams of a bound socket, which are somebody else's."""
    tally = countSocket(socket, counters, Counted.MESSAGES)
    socket.on("close", tally.read("datagramsReceived", socket.getReceivedCount))
    socket.on("close", tally.read("datagramsSent", socket.getSentCount))
    return tally


def countSocket(
    socket: dgram.Socket, counters: Counters, counts: Counted = Counted.DATAGRAMS
) -> Tally:
    """Count what goes wrong with a bound socket; its datagrams count who handles them."""
    tally = counters.tally(whereSocket(socket), counts)
    socket.on(errorMonitor, tally.failed)
    last = 0

    def overflowed() -> int:
        nonlocal last
        try:
            last = socket.getDroppedCount()
        except ERR_SOCKET_DGRAM_NOT_RUNNING:
            pass  # closed meanwhile
        return last

    try:
        overflowed()
    except OSError:
        return tally  # the system does not say
    socket.on("close", tally.read("datagramsOverflowed", overflowed))
    return tally


def whereServer(server: net.Server) -> str:
    """How the log calls a server that listens: ``tcp 127.0.0.1:80``, ``unix /tmp/sock``."""
    address = server.address()
    if isinstance(address, str):
        return f"unix {address.replace(chr(0), '@', 1)}"
    assert address is not None
    return f"tcp {hostAndPort(address.address, address.port)}"


def isBound(socket: dgram.Socket) -> bool:
    """Whether a socket that is open is bound."""
    try:
        socket.address()
    except OSError:
        return False
    return True


def whereSocket(socket: dgram.Socket) -> str:
    """How the log calls a bound socket: ``udp 127.0.0.1:80``, ``unix /tmp/sock``."""
    address = socket.address()
    if isinstance(address, str):
        return f"unix {address.replace(chr(0), '@', 1)}"
    return f"udp {hostAndPort(address.address, address.port)}"


def hostAndPort(host: str, port: int) -> str:
    """``127.0.0.1:80``, ``[::1]:80``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
