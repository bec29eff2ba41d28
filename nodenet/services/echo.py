"""The echo service: what is received goes back to where it came from.

Law: bytes go back in order and none is dropped, at the speed at which the peer takes them;
datagrams may be dropped when they cannot leave, and are counted then.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any, Final

from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from nodenet import net
from nodenet.endpoints import Endpoint
from nodenet.endpoints._openssl import reasonOf
from nodenet.services._counting import hostAndPort
from nodenet.services._listener import DatagramListener, StreamListener
from nodenet.services._peers import RecentPeers
from nodenet.services._service import SocketService

_log = Logger(namespace="nodenet")

DEFAULT_LISTEN: Final = ("tcp:8124:interface=127.0.0.1", "udp:41234:interface=127.0.0.1")
"""Where an echo service listens that is not told otherwise: on this machine alone."""

_PEERS: Final = 1024  # peers remembered, so that each is announced once
_UNSENT: Final = 1 << 20  # bytes of datagrams that may wait to be sent


class EchoService(SocketService):
    """Sends back what it receives, over TCP, Unix sockets and UDP.

    In a ``.tac`` file::

        from twisted.application.service import Application
        from nodenet.services import EchoService

        application = Application("echo")
        EchoService(["tcp:8124:interface=127.0.0.1"]).setServiceParent(application)

    Args:
        listen: where to listen, as for ``--listen``; or endpoints of nodenet's.
        grace: seconds that open connections get to finish when the service stops.
        stats: where to show the counters, as for ``--stats``, or an endpoint; None: nowhere.
        reactor: by default Twisted's global one, taken when the service starts.

    Raises:
        EndpointStringError: A string means nothing.
        ValueError: `grace` is negative or has no end.
    """

    def __init__(
        self,
        listen: Iterable[str | Endpoint] = DEFAULT_LISTEN,
        *,
        grace: float = 5.0,
        stats: str | IStreamServerEndpoint | None = None,
        reactor: Any = None,
    ) -> None:
        super().__init__(listen, grace=grace, stats=stats, reactor=reactor)
        self._numbers = count(1)
        self._peers = RecentPeers(_PEERS)

    def connection(self, listener: StreamListener, socket: net.Socket) -> None:
        """Echo a stream; see `SocketService.connection`."""
        client = f"#{next(self._numbers)}"
        if socket.remoteAddress is not None and socket.remotePort is not None:
            client += f" {hostAndPort(socket.remoteAddress, socket.remotePort)}"
        where = str(listener)
        reasons: list[Exception] = []

        def left(hadError: bool) -> None:
            _log.info(
                "{listener}: {client} left after {bytes} bytes{why}",
                listener=where,
                client=client,
                bytes=socket.bytesRead,
                why=f": {reasonOf(reasons[0])}" if reasons else "",
            )

        _log.info("{listener}: {client} connected", listener=where, client=client)
        socket.on("error", reasons.append)
        socket.on("close", left)
        socket.pipe(socket)

    def message(self, listener: DatagramListener, data: bytes, peer: Any) -> None:
        """Echo a datagram; see `SocketService.message`."""
        if self._peers.isNew(peer.address, peer.port):
            _log.info(
                "{listener}: {peer} is new",
                listener=str(listener),
                peer=hostAndPort(peer.address, peer.port),
            )
        if not peer.port or listener.socket.getSendQueueSize() > _UNSENT:  # forged: there is no 0
            listener.tally.datagramsDropped += 1
        else:
            listener.send(data, peer.port, peer.address)
