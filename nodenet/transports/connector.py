"""Connects a Twisted client factory to one address: `IConnector`.

Law: `state` is what `IConnector` calls it and changes before the factory hears of it; the factory
is started while the connector is in use, and hears of the end of every attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.interfaces import IAddress, IConnector, IDelayedCall
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.errors import systemError
from nodenet.loop import Poller
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport


@implementer(IConnector)
class Connector:
    """One client connection, that a factory may have made again.

    Args:
        poller: The Poller of the reactor.
        factory: It makes the protocol, and hears how connecting went.
        destination: The address, as Twisted knows it.
        address: The same, raw.
        open: Makes an unconnected transport, bound if it has to be.
        timeout: Seconds until the attempt is given up; None: as long as the kernel tries.
    """

    state = "disconnected"
    transport: TCPTransport | UNIXTransport | None = None

    def __init__(
        self,
        poller: Poller,
        factory: ClientFactory,
        destination: IAddress,
        address: Any,
        open: Callable[[], TCPTransport | UNIXTransport],
        timeout: float | None = 30,
    ) -> None:
        self.factory = factory
        self._poller = poller
        self._destination = destination
        self._address = address
        self._open = open
        self._timeout = timeout
        self._timer: IDelayedCall | None = None
        self._started = False

    def connect(self) -> None:
        """Try (again).

        Raises:
            RuntimeError: It connects, or is connected.
        """
        if self.state != "disconnected":
            raise RuntimeError("can't connect in this state")
        self.state = "connecting"
        if not self._started:
            self._started = True
            self.factory.doStart()
        try:
            self.transport = self._open()
            self.transport.connect(self._address, self._connected)
        except OSError as refusal:
            self._poller.nextTick(self._refused, self.transport, refusal)
        if self._timeout is not None:
            self._timer = self._poller.callLater(self._timeout, self._timed_out)
        self.factory.startedConnecting(self)

    def stopConnecting(self) -> None:
        """Give the attempt up.

        Raises:
            NotConnectingError: There is none.
        """
        if self.state != "connecting":
            raise error.NotConnectingError("we're not trying to connect")
        self._fail(Failure(error.UserError()))

    def disconnect(self) -> None:
        """Give the attempt up, or close the connection."""
        if self.state == "connecting":
            self.stopConnecting()
        elif self.transport is not None:
            self.transport.loseConnection()

    def getDestination(self) -> IAddress:
        """The address that this connects to."""
        return self._destination

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state} {self._destination}>"

    # -- private ----------------------------------------------------------------------------

    def _connected(self, refusal: OSError | None) -> None:
        transport = self.transport
        assert transport is not None
        if refusal is not None:
            self._refused(transport, refusal)
            return
        self._cancel_timer()
        self.state = "connected"
        transport.lost = self._lost
        protocol = self.factory.buildProtocol(self._destination)
        transport.run(Protocol() if protocol is None else protocol)
        if protocol is None:
            transport.loseConnection()

    def _refused(self, transport: Any, refusal: OSError) -> None:
        if self.state == "connecting" and transport is self.transport:
            host, *port = self._address if isinstance(self._address, tuple) else (self._address,)
            self._fail(Failure(systemError(refusal, "connect", host, *port[:1])))

    def _timed_out(self) -> None:
        text = f"{self._destination} did not answer in {self._timeout} s"
        self._fail(Failure(error.TimeoutError(string=text)))

    def _fail(self, reason: Failure) -> None:
        self._cancel_timer()
        self.state = "disconnected"
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.close()
        self.factory.clientConnectionFailed(self, reason)
        self._stop_factory()

    def _lost(self, reason: Failure) -> None:
        self.state = "disconnected"
        self.transport = None
        self.factory.clientConnectionLost(self, reason)
        self._stop_factory()

    def _stop_factory(self) -> None:
        if self.state == "disconnected" and self._started:  # or else it connects again
            self._started = False
            self.factory.doStop()

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
