"""A handle that is served without the epoll object, as it is the only one with something to do.

Law: the reactor watches it exactly as long as the epoll object does not; whatever else happens to
it than something to read sends it back there.

The reactor is given a duplicate of the descriptor, in a *seat* that the Poller has open all the
time. Who closes the original under everybody's feet does not harm it so: Twisted's epoll reactor is
out of order for good when a descriptor that it has to forget is no longer there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from io import FileIO
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.loop.poller import READ

if TYPE_CHECKING:
    from nodenet.loop.epoll import EpollPoller
    from nodenet.loop.handle import Handle


@implementer(IReadDescriptor)
class Favourite:
    """What the reactor sees of such a handle.

    Args:
        poller: Whose handle it is; serves it.
        handle: The handle, which is watched for reading alone.
        seat: The descriptor that becomes a duplicate of the handle's.

    Raises:
        OSError: The handle's descriptor is closed.
    """

    def __init__(self, poller: EpollPoller, handle: Handle, seat: FileIO) -> None:
        os.dup2(handle.fileno(), seat.fileno(), inheritable=False)
        self.handle = handle
        self._poller = poller
        # Attributes, not methods: each event calls both, and a method would be one more frame.
        self.fileno: Callable[[], int] = seat.fileno
        self.doRead: Callable[[], None] = partial(poller.doRead, ((handle.fileno(), READ),))

    def logPrefix(self) -> str:
        return "nodenet"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has dropped it: the epoll object will say what has happened."""
        if self._poller.reactor.running:
            self._poller.dismiss(self)

    def __repr__(self) -> str:
        return repr(self.handle)
