"""A socket that the primary has bound and the workers use themselves.

Law: it is bound once and closed once, by the primary; a path is removed with it.
"""

from __future__ import annotations

import socket

from nodenet.cluster._channel import Answer, Channel
from nodenet.dgram._bind import boundSocket
from nodenet.net._listen import bind, requestOf
from nodenet.transports.source import Place
from nodenet.transports.unix import BoundPath


class Shared:
    """A bound socket, given to each worker.

    Args:
        skt: The socket; this owns it from now on.
        path: Its file, if it is to be removed.
    """

    def __init__(self, skt: socket.socket, path: BoundPath | None = None) -> None:
        self._socket = skt
        self._path = path
        self._workers: set[Channel] = set()

    def add(self, channel: Channel) -> Answer:
        """See `nodenet.cluster._handles.Held`."""
        self._workers.add(channel)
        return {}, self._socket

    def remove(self, channel: Channel) -> None:
        """See `nodenet.cluster._handles.Held`."""
        self._workers.discard(channel)

    @property
    def used(self) -> bool:
        """See `nodenet.cluster._handles.Held`."""
        return bool(self._workers)

    def close(self) -> None:
        """See `nodenet.cluster._handles.Held`."""
        try:
            if self._path is not None:
                self._path.unlink()
        finally:
            self._socket.close()

    def vacant(self, channel: Channel) -> None:
        """Workers take what they can by themselves."""


def SharedPort(place: Place) -> Shared:
    """A listening socket whose connections the workers accept.

    Raises:
        OSError: As the system words it.
    """
    bound = bind(requestOf(place), place.address)
    return Shared(bound.socket, bound.path)


def SharedDatagrams(place: Place) -> Shared:
    """A UDP socket that the workers read and write.

    Raises:
        OSError: As the system words it.
    """
    return Shared(boundSocket(place))
