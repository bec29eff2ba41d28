"""The port of ``--stats``: HTTP for whoever watches a service, and harmless to it.

Law: this is bounded in every direction: so many connections, each for so many seconds and one
request, so many bytes of it. What is opened here is closed by `StatsPort.close`.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any, Final

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IStreamServerEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from twisted.web import http

from nodenet.loop import Poller
from nodenet.services._counting import hostAndPort
from nodenet.services._stats import Page, Pages
from nodenet.transports.port import StreamPort

_CONNECTIONS: Final = 32  # at once; more are closed
_SECONDS: Final = 10.0  # for which each may last
_BODY: Final = 1 << 16  # bytes of a request's body, which nobody reads


class _Request(http.Request):
    """One request: it gets a page."""

    _body = 0
    _gone = False

    def gotLength(self, length: int | None) -> None:
        """Keep nothing of a body, in memory or in a file."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Let a body pass, so that its sender can read the answer; but not for ever."""
        self._body += len(data)
        if self._body > _BODY:
            _abort(self.channel)

    def process(self) -> None:
        """Answer, unless nobody waits any more when the answer is there."""
        factory = self.channel.factory
        answered = factory.pages.page(self.method, self.path).addCallback(self._answer)
        answered.addErrback(factory.failed, self)

    def connectionLost(self, reason: Failure) -> None:
        self._gone = True
        http.Request.connectionLost(self, reason)

    def _answer(self, page: Page) -> None:
        if self._gone:
            return
        self.setResponseCode(page.status)
        headers = {
            "Content-Type": page.type,
            "Content-Length": str(len(page.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        if page.status == http.NOT_ALLOWED:
            headers["Allow"] = "GET, HEAD"
        for name, value in headers.items():
            self.responseHeaders.setRawHeaders(name, [value])
        http.Request.write(self, page.body)
        http.Request.finish(self)


class _Channel(http.HTTPChannel):
    """One connection: one request."""

    requestFactory = _Request
    timeOut = None  # the factory has a bound for the whole

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:
        """Close after the answer."""
        request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        return False

    def connectionMade(self) -> None:
        http.HTTPChannel.connectionMade(self)
        self._end = self.factory.begun(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.ended(self)
        if self._end.active():
            self._end.cancel()
        http.HTTPChannel.connectionLost(self, reason)


class _Channels(Factory):
    """The connections that are open."""

    noisy = False
    protocol = _Channel

    def __init__(self, pages: Pages, poller: Poller) -> None:
        self.pages = pages
        self._poller = poller
        self._open: dict[_Channel, None] = {}

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A channel; None, which closes the connection, where there are enough."""
        return None if len(self._open) >= _CONNECTIONS else super().buildProtocol(addr)

    def begun(self, channel: _Channel) -> Any:
        """A connection begins; returns what limits it."""
        self._open[channel] = None
        return self._poller.callLater(_SECONDS, _abort, channel, ref=False)

    def ended(self, channel: _Channel) -> None:
        self._open.pop(channel, None)

    def failed(self, failure: Failure, request: _Request) -> None:
        """There is no answer."""
        self._poller.uncaught(failure, self)
        if request.channel is not None:
            _abort(request.channel)

    def logPrefix(self) -> str:
        """How the log calls it."""
        return "counters"

    def log(self, request: http.Request) -> None:
        """Say nothing of a request: who watches comes often."""

    def abort(self) -> None:
        for channel in list(self._open):
            _abort(channel)


class StatsPort:
    """Shows `pages` at `endpoint`; one that was made listens.

    Args:
        endpoint: where to listen.
        pages: what to show.
        poller: of the reactor of the service.

    Raises:
        OSError: The system refused.
        RuntimeError: The endpoint does not listen at once: privileges may be gone by then.
    """

    def __init__(self, endpoint: IStreamServerEndpoint, pages: Pages, poller: Poller) -> None:
        self._channels = _Channels(pages, poller)
        listening = endpoint.listen(self._channels)
        outcome: list[Any] = []
        listening.addBoth(outcome.append)
        if not outcome:
            listening.cancel()
            raise RuntimeError(f"{endpoint} does not listen at once")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        self._port = outcome[0]
        if isinstance(self._port, StreamPort):
            self._port.unref()  # who watches a program does not keep it going

    def close(self) -> Deferred[None]:
        """Close the port and what is open of it; fires when that has happened."""
        self._channels.abort()
        return maybeDeferred(self._port.stopListening)

    def __str__(self) -> str:
        address = self._port.getHost()
        if isinstance(address, UNIXAddress):
            return f"unix {os.fsdecode(address.name or b'?')}"
        return f"tcp {hostAndPort(address.host, address.port)}"


def _abort(channel: Any) -> None:
    channel.transport.abortConnection()
