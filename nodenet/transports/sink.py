"""Who hears of the rare events of a stream descriptor.

Law: nothing here is on the way of the bytes.
"""

from __future__ import annotations

from typing import Final, Protocol


class StreamSink(Protocol):
    """Who hears of the rare events of a stream descriptor."""

    def readEnded(self) -> None:
        """The peer sent its FIN."""

    def flushed(self) -> None:
        """All that waited or was held has been handed to the kernel."""

    def readFailed(self, error: OSError) -> None:
        """Reading failed, for instance with ``ECONNRESET``."""

    def writeFailed(self, error: OSError) -> None:
        """Writing what waited failed, for instance with ``EPIPE``; it was dropped."""

    def reactorStopped(self) -> None:
        """The reactor stops; the descriptor is closed next."""


class _Nobody:
    """The sink of a descriptor that is closed or not attached yet."""

    def readEnded(self) -> None:
        """Nobody to tell."""

    def flushed(self) -> None:
        """Nobody to tell."""

    def readFailed(self, error: OSError) -> None:
        """Nobody to tell."""

    def writeFailed(self, error: OSError) -> None:
        """Nobody to tell."""

    def reactorStopped(self) -> None:
        """Nobody to tell."""


NOBODY: Final = _Nobody()
