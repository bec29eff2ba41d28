"""One connection made the way Node makes it, for a protocol of Twisted's.

Law: the Deferred of a dial fires once; a factory that was started is stopped when its connection
ends, or when there never is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet import error as twisted
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocol, IProtocolFactory
from twisted.python.failure import Failure

from nodenet import net
from nodenet.loop import pollerOf


class _Socket(net.Socket):
    """Looks up and connects as any, but gives its connection to `receiver`."""

    def __init__(self, receiver: Callable[[Any], object], reactor: Any) -> None:
        super().__init__(reactor=reactor)
        self._receiver = receiver

    def _connected(self, link: Any) -> None:
        self._receiver(link)


class Dial:
    """A dial: connects with the options of `net.Socket.connect`, within `timeout` seconds.

    Args:
        factory: makes the protocol.
        options: the options.
        timeout: in seconds.
        prepare: gets the transport before the protocol does, to tune it.
        reactor: the reactor.

    Attributes:
        connected: Fires with the protocol, once its `connectionMade` has been called.
    """

    def __init__(
        self,
        factory: IProtocolFactory,
        options: Mapping[str, Any],
        timeout: float,
        prepare: Callable[[Any], object],
        reactor: Any,
    ) -> None:
        self.connected: Deferred[IProtocol] = Deferred(self._cancelled)
        self._factory = factory
        self._timeout = timeout
        self._prepare = prepare
        self._where = [options[name] for name in ("path", "host", "port") if name in options]
        self._socket = _Socket(self._take, reactor)
        self._socket.on("error", self._failed)
        self._timer: IDelayedCall = pollerOf(reactor).callLater(timeout, self._timed_out)
        factory.doStart()
        self._socket.connect(dict(options))

    def _take(self, transport: Any) -> None:
        self._timer.cancel()
        try:
            self._prepare(transport)
            protocol = self._factory.buildProtocol(transport.getPeer())
            if protocol is None:
                raise twisted.NoProtocol
        except Exception as error:
            transport.close()
            self._failed(error)
            return
        transport.lost = lambda reason: self._factory.doStop()
        transport.run(protocol)
        self._socket.destroy()
        self.connected.callback(protocol)

    def _timed_out(self) -> None:
        where = ":".join(map(str, self._where))
        self._failed(twisted.TimeoutError(string=f"{where} did not answer in {self._timeout} s"))

    def _cancelled(self, connected: Deferred[IProtocol]) -> None:
        self._failed(twisted.ConnectingCancelledError(self._where))

    def _failed(self, error: Exception) -> None:
        if self._timer.active():
            self._timer.cancel()
        self._socket.destroy()
        self._factory.doStop()
        self.connected.errback(Failure(error))
