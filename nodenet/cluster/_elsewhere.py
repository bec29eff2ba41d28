"""Connections that servers of this process have accepted and another process goes on with.

Law: a server counts a connection that it has passed on from its arrival until the other process
says that it is over, or is gone itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from nodenet import net
from nodenet.cluster._channel import Channel


class Elsewhere:
    """Those that went through one channel.

    Args:
        channel: The channel.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = count(1)
        self._over: dict[int, Callable[[], None]] = {}
        channel.hear("over", self._heard, number=int)

    # -- where it was accepted --------------------------------------------------------------

    def announce(self, handle: Any) -> int | None:
        """A number for a connection that is about to be passed on; None if no server counts it."""
        accepted = isinstance(handle, net.Socket) and isinstance(handle.server, net.Server)
        return next(self._numbers) if accepted else None

    def arrived(self, handle: net.Socket, number: int) -> None:
        """It is in the other process."""
        self._over[number] = handle.server._passed_on()

    def end(self) -> None:
        """The other process is gone, or we do not hear of it any more."""
        while self._over:
            self._over.popitem()[1]()

    def _heard(self, note: dict[str, Any], _: object) -> None:
        over = self._over.pop(note["number"], None)
        if over is not None:
            over()

    # -- where it is now --------------------------------------------------------------------

    def follow(self, handle: net.Socket, number: int) -> net.Socket:
        """Say when it is over. Returns the handle."""
        handle._released = partial(self._channel.tell, {"act": "over", "number": number})
        return handle
