"""What a transport that is not nodenet's own can do.

Law: it is found out once, when the transport is attached; nobody looks at the transport again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from twisted.internet.interfaces import IProcessTransport, ISSLTransport


class Flush(Enum):
    """How a transport tells that what was written has left; found by measuring."""

    PULLS = "pulls"
    """Plain ones ask a pull producer whenever their buffer is empty."""
    PAUSES = "pauses"
    """TLS pauses a push producer, and would ask a pull producer without end."""
    NOTICES = "notices"
    """Channels of SSH have calls of their own: `stopWriting` and `startWriting`."""
    NEVER = "never"
    """Nothing is told: what was written counts as sent."""


@dataclass(frozen=True)
class Capabilities:
    """What a transport can do.

    Attributes:
        flush: How it tells that all has left.
        halfClose: Whether what arrives is still received after `endWriting`.
        endWriting: Ends the sending side.
        abort: Closes without sending what waits; None where it cannot.
        pauseReading: Stops the receiving, where it can.
        resumeReading: Goes on with it.
        channel: The channel of Twisted's SSH that it is, or leads to.
    """

    flush: Flush
    halfClose: bool
    endWriting: Callable[[], object]
    abort: Callable[[], object] | None
    pauseReading: Callable[[], object]
    resumeReading: Callable[[], object]
    channel: Any = None

    @classmethod
    def of(cls, transport: Any) -> Capabilities:
        """Look at `transport`."""
        channel = channelOf(transport)
        reading = transport if channel is None else _Window(channel)
        pause = getattr(reading, "pauseProducing", None)
        resume = getattr(reading, "resumeProducing", None)
        if pause is None or resume is None:
            pause = resume = _nothing
        half = _end_writing(transport, channel)
        return cls(
            flush=Flush.NOTICES if channel is not None else _flush(transport),
            halfClose=half is not None,
            endWriting=half or transport.loseConnection,
            abort=getattr(transport, "abortConnection", None),
            pauseReading=pause,
            resumeReading=resume,
            channel=channel,
        )


def isChannel(transport: Any) -> bool:
    """Whether `transport` is a channel of Twisted's SSH."""
    conch = sys.modules.get("twisted.conch.ssh.channel")  # not imported: then it is none
    return conch is not None and isinstance(transport, conch.SSHChannel)


def channelOf(transport: Any) -> Any:
    """The channel of SSH that `transport` is, or whose session's process it stands for; or None."""
    if isChannel(transport):
        return transport
    conch = sys.modules.get("twisted.conch.ssh.session")
    if conch is not None and isinstance(transport, conch.SSHSessionProcessProtocol):
        return transport.session
    return None


class _Window:
    """Pauses the peer of a channel: it may send what is left of its window, and gets no more.

    Conch fills the window up when it is half empty, before it hands on what came. There is nothing
    to fill up to while the window has no size.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._size = channel.localWindowSize

    def pauseProducing(self) -> None:
        self._channel.localWindowSize = 0

    def resumeProducing(self) -> None:
        channel, size = self._channel, self._size
        channel.localWindowSize = size
        if channel.localWindowLeft < size // 2 and not channel.remoteClosed:
            channel.conn.adjustWindow(channel, size - channel.localWindowLeft)


def _flush(transport: Any) -> Flush:
    if ISSLTransport.providedBy(transport):
        return Flush.PAUSES
    if hasattr(transport, "registerProducer"):  # not all that have it say `IConsumer`
        return Flush.PULLS
    return Flush.NEVER


def _end_writing(transport: Any, channel: Any) -> Callable[[], object] | None:
    if channel is not None:
        return lambda: channel.conn.sendEOF(channel)
    if ISSLTransport.providedBy(transport):
        # `loseWriteConnection` would send a bare FIN below TLS. This sends TLS's own end, and
        # what arrives before the peer's is still delivered.
        end: Callable[[], object] = transport.loseConnection
        return end
    name = "closeStdin" if IProcessTransport.providedBy(transport) else "loseWriteConnection"
    found: Callable[[], object] | None = getattr(transport, name, None)
    return found


def _nothing() -> None:
    """For a transport that cannot be paused: the link keeps what arrives meanwhile."""
