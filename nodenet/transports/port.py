"""A listening port that runs the protocols of a Twisted factory: `IListeningPort`.

Law: between `startListening` and its end, whichever way that comes, the factory is started;
a socket that no protocol takes is closed.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.errors import systemError
from nodenet.loop import Poller
from nodenet.transports.listening import ListeningDescriptor
from nodenet.transports.source import Port
from nodenet.transports.tcp import TCPTransport, twistedAddress
from nodenet.transports.unix import UNIXTransport

_log = Logger(namespace="nodenet")


@implementer(IListeningPort)
class StreamPort:
    """Accepts TCP or Unix connections and runs a protocol of `factory` on each.

    Args:
        poller: The Poller of the reactor.
        factory: It is asked for a protocol for each connection; None closes the connection.
        listen: Opens the listening socket; called by `startListening`.
        admit: Told of each connection by the peer's raw address; False closes it at once.
        prepare: Gets each transport before its protocol does, to set its options.
        pauseOnConnect: Connections do not read before `resumeProducing`.
        closed: Called when the port is closed, for instance to remove a path.
    """

    connections = 0
    """How many connections of this port are open."""

    def __init__(
        self,
        poller: Poller,
        factory: IProtocolFactory,
        listen: Callable[[], socket.socket],
        *,
        admit: Callable[[Any], bool] | None = None,
        prepare: Callable[[TCPTransport | UNIXTransport], object] | None = None,
        pauseOnConnect: bool = False,
        closed: Callable[[], object] | None = None,
    ) -> None:
        self.factory = factory
        self._poller = poller
        self._listen = listen
        self._admit = admit
        self._prepare = prepare
        self._pause = pauseOnConnect
        self._closed = closed
        self._descriptor: Port | None = None
        self._host: IPv4Address | IPv6Address | UNIXAddress | None = None

    def startListening(self) -> None:
        """Open the port and start the factory.

        Raises:
            CannotListenError: The system refused; it is the system's error as well.
        """
        if self._descriptor is not None:
            return
        try:
            skt = self._listen()
        except CannotListenError:
            raise
        except OSError as error:
            raise systemError(error, "listen") from None
        self.take(_Descriptor(self._poller, skt, self))

    def take(self, descriptor: Port) -> None:
        """Listen on a port that is there already, and start the factory.

        Args:
            descriptor: It has to bring its connections to `accepted`.
        """
        where = descriptor.localAddress()
        self._host = twistedAddress(where) if isinstance(where, tuple) else UNIXAddress(where)
        try:
            self.factory.doStart()
        except BaseException:
            descriptor.close()
            raise
        self._descriptor = descriptor
        descriptor.startReading()
        _log.info("{factory} starting on {host}", factory=_name(self.factory), host=self._host)

    def stopListening(self) -> Deferred[None]:
        """Accept no more; connections that are open stay so.

        Returns:
            A Deferred that fires when the port is closed; with the failure of the factory's
            `doStop`, if that raises.
        """
        stopped: Deferred[None] = Deferred()
        try:
            self._stop()
        except Exception:
            self._poller.queueMicrotask(stopped.errback, Failure())
        else:
            self._poller.queueMicrotask(stopped.callback, None)
        return stopped

    loseConnection = stopListening

    def getHost(self) -> IPv4Address | IPv6Address | UNIXAddress:
        """Where it listens, with the real port; still known when it is closed.

        Raises:
            CannotListenError: It never listened.
        """
        if self._host is None:
            raise CannotListenError(None, None, OSError("the port was not started"))
        return self._host

    def pauseProducing(self) -> None:
        """Accept nothing for a while: the kernel keeps those who come."""
        if self._descriptor is not None:
            self._descriptor.stopReading()

    def resumeProducing(self) -> None:
        """Accept again."""
        if self._descriptor is not None:
            self._descriptor.startReading()

    def unref(self) -> None:
        """Let `nodenet.run` end although this port listens."""
        if self._descriptor is not None:
            self._descriptor.unref()

    def fileno(self) -> int:
        """The descriptor; -1 when closed, and where another process has it."""
        descriptor = self._descriptor
        return descriptor.fileno() if isinstance(descriptor, ListeningDescriptor) else -1

    @property
    def connected(self) -> bool:
        """Whether it listens."""
        return self._descriptor is not None

    @property
    def disconnected(self) -> bool:
        """Whether it does not listen any more."""
        return self._descriptor is None and self._host is not None

    def __repr__(self) -> str:
        where = self._host if self.connected else "(not listening)"
        return f"<{type(self).__name__} of {_name(self.factory)} on {where}>"

    # -- from the descriptor ----------------------------------------------------------------

    def accepted(self, skt: socket.socket, peer: Any) -> None:
        unix = skt.family == socket.AF_UNIX
        if self._admit is not None and not self._admit(peer):
            skt.close()
            return
        transport = (UNIXTransport if unix else TCPTransport)(self._poller, skt)
        address = UNIXAddress(peer or None) if unix else twistedAddress(peer)
        try:
            if self._prepare is not None:
                self._prepare(transport)
            protocol = self.factory.buildProtocol(address)
        except Exception:
            protocol = None
            self._poller.uncaught(Failure(), self)
        if protocol is None:
            transport.close()
            return
        self.connections += 1
        transport.lost = self._lost
        transport.run(protocol, address, paused=self._pause)

    # -- private ----------------------------------------------------------------------------

    def _lost(self, reason: Failure) -> None:
        self.connections -= 1

    def _stop(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        descriptor.close()
        if self._closed is not None:
            self._closed()
        _log.info("{factory} stopped on {host}", factory=_name(self.factory), host=self._host)
        self.factory.doStop()


class _Descriptor(ListeningDescriptor):
    """The port's descriptor; the port is told when the reactor stops."""

    def __init__(self, poller: Poller, skt: socket.socket, port: StreamPort) -> None:
        super().__init__(poller, skt, port.accepted)
        self._port = port

    def describe(self) -> str:
        return repr(self._port)

    def connectionLost(self, reason: object) -> None:
        self._port._stop()


def _name(factory: Any) -> str:
    """A factory as Twisted's log names it."""
    prefix = getattr(factory, "logPrefix", None)
    return str(type(factory).__name__ if prefix is None else prefix())
