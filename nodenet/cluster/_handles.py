"""The sockets that the primary holds for its workers.

Law: a handle is open exactly while a worker uses it, unless handles are kept; and workers that ask
by the same key use the same one. What cannot be bound is nobody's handle: the next may try again.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Protocol

from twisted.logger import Logger

from nodenet.cluster._channel import Answer, Channel
from nodenet.cluster._lease import absolute, keyOf
from nodenet.cluster._round_robin import RoundRobin
from nodenet.cluster._shared import Shared, SharedDatagrams, SharedPort
from nodenet.dgram._families import FAMILIES
from nodenet.errors import ERR_INVALID_FD_TYPE
from nodenet.loop import Poller
from nodenet.transports.source import UNIX_TYPE, Place
from nodenet.transports.unix import checkPath

_log = Logger(namespace="nodenet")


class Held(Protocol):
    """A handle and the workers that use it."""

    def add(self, channel: Channel) -> Answer:
        """A worker uses it too: what he is told, and what he is given."""

    def remove(self, channel: Channel) -> None:
        """He does no more."""

    @property
    def used(self) -> bool:
        """Whether a worker uses it."""

    def close(self) -> None:
        """Nobody will any more."""

    def vacant(self, channel: Channel) -> None:
        """He can take connections again."""


class Handles:
    """The handles of one primary.

    Args:
        poller: The primary's.
        deals: Whether connections are accepted here and dealt out, where they can be; asked
            when a handle is opened.

    Attributes:
        kept: Whether handles stay open whose workers are gone, until `tidy`: for services, whose
            workers come and go while the service stays.
        released: Called when a worker has closed what he used; by default it closes what nobody
            uses any more.
    """

    kept = False

    def __init__(self, poller: Poller, deals: Callable[[], bool]) -> None:
        self.released: Callable[[], object] = self.tidy
        self._poller = poller
        self._deals = deals
        self._held: dict[str, Held] = {}

    def attach(self, channel: Channel) -> None:
        """Answer the worker at the other end of `channel`."""
        channel.serve("bind", partial(self._bind, channel))
        channel.hear("release", partial(self._release, channel), key=str)
        channel.hear("vacant", partial(self._vacant, channel), key=str)

    def forget(self, channel: Channel) -> None:
        """The worker is gone, or on his way."""
        for held in self._held.values():
            held.remove(channel)
        if not self.kept:
            self.tidy()

    def reserve(self, place: Place, skt: socket.socket | None = None) -> None:
        """Open what workers will ask for at `place`.

        Args:
            place: Where.
            skt: For datagrams, the socket that is bound there.

        Raises:
            OSError: The system refused.
        """
        place = absolute(place)
        key = next(key for key in map(partial(keyOf, place), count()) if key not in self._held)
        self._held[key] = self._open(place, key) if skt is None else Shared(skt)

    def tidy(self) -> None:
        """Close what nobody uses."""
        for key, held in list(self._held.items()):
            if not held.used:
                del self._held[key]
                try:
                    held.close()
                except OSError as error:  # its directory is not ours to write to any more
                    _log.warn("cannot remove the socket: {error}", error=error)

    def _bind(self, channel: Channel, query: dict[str, Any], _: object) -> Answer:
        key = query["key"]
        held = self._held.get(key)
        if held is None:
            try:
                held = self._held[key] = self._open(Place(**query["place"]), key)
            except (OSError, ERR_INVALID_FD_TYPE) as error:
                return {"errno": _number(error)}, None
        return held.add(channel)

    def _open(self, place: Place, key: str) -> Held:
        if place.type == UNIX_TYPE:
            place = replace(place, address=_fitting(str(place.address)))
        if place.fd is None:
            return self._opened(place, key)
        # A duplicate, for the descriptor stays open: others may ask for it when these are gone.
        duplicate = os.dup(place.fd)
        try:
            return self._opened(replace(place, fd=duplicate), key)
        except BaseException:
            os.close(duplicate)
            raise

    def _opened(self, place: Place, key: str) -> Held:
        if place.type in FAMILIES:
            return SharedDatagrams(place)
        return RoundRobin(self._poller, place, key) if self._deals() else SharedPort(place)

    def _release(self, channel: Channel, note: dict[str, Any], _: object) -> None:
        held = self._held.get(note["key"])
        if held is not None:
            held.remove(channel)
            self.released()

    def _vacant(self, channel: Channel, note: dict[str, Any], _: object) -> None:
        held = self._held.get(note["key"])
        if held is not None:
            held.vacant(channel)


def _number(error: Exception) -> int:
    """What a worker is told. A descriptor that is not open is no good argument, as Node says it."""
    number: int = getattr(error, "errno", None) or errno.EINVAL
    return errno.EINVAL if number == errno.EBADF else number


def _fitting(path: str) -> str:
    """A kernel's address has little room for a path: as it is or, where it does not fit, from the
    working directory, which may be another when the path is removed."""
    try:
        checkPath(path)
    except OSError:
        return min(path, os.path.relpath(path), key=len) if path[:1] == "/" else path
    return path
