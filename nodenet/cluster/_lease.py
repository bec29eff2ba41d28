"""A worker's use of one of the primary's handles, from the question to the release.

Law: the primary hears of a release once, and after the question; who is bound is announced to it
while the lease lasts, when he says ``'listening'``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Final

from nodenet.cluster._channel import Channel
from nodenet.errors import systemError
from nodenet.errors.system import SystemCallError
from nodenet.transports.source import UNIX_TYPE, Owner, Place

_ANYWHERE: Final = "::"


class Lease:
    """The use of one place.

    Args:
        channel: Where the primary is.
        key: What the primary knows the handle by: workers that use the same one share it.
        place: What is asked for; a path is absolute.
        owner: Who is to be bound.
        listens: Called when he says that he is.
        over: Called when the lease is.
    """

    def __init__(
        self,
        channel: Channel,
        key: str,
        place: Place,
        owner: Owner,
        listens: Callable[[], object],
        over: Callable[[Lease], object],
    ) -> None:
        self.place = place
        self.owner = owner
        self.key = key
        self.released = False
        self._channel = channel
        self._listens = listens
        self._over = over
        owner.once("listening", self._announce)

    @property
    def query(self) -> dict[str, Any]:
        """What to ask the primary."""
        return {"act": "bind", "key": self.key, "place": asdict(self.place)}

    def refusal(self, number: int, address: str | None) -> SystemCallError:
        """The error for `number`; `address` is the place's as whoever asked has written it."""
        place = self.place
        if place.fd is not None:
            return systemError(number, "bind" if place.type is None else "open")
        return systemError(number, "bind", address or _ANYWHERE, place.port)

    def release(self) -> None:
        """It is not used any more. Does nothing the second time."""
        if not self.released:
            self.released = True
            self.owner.removeListener("listening", self._announce)
            self._channel.tell({"act": "release", "key": self.key})
            self._over(self)

    def vacant(self) -> None:
        """The primary may offer connections again."""
        if not self.released:
            self._channel.tell({"act": "vacant", "key": self.key})

    def _announce(self) -> None:
        if self.released:
            return  # by a listener before this one
        self._listens()
        place = self.place
        address: Any = None if place.type == UNIX_TYPE else self.owner.address()
        note = {
            "act": "listening",
            "addressType": place.type,
            "address": place.address,
            "port": getattr(address, "port", None) or place.port,
            "fd": -1 if isinstance(place.type, str) and place.fd is None else place.fd,
        }
        self._channel.tell(note)


def keyOf(place: Place, number: int) -> str:
    """What the primary knows a handle by: its place, and of those that one worker has there the
    `number` of this one, from 0."""
    return f"{place.address}:{place.port}:{place.type}:{place.fd}:{number}"


def absolute(place: Place) -> Place:
    """The same place for processes in other directories."""
    if place.type == UNIX_TYPE and str(place.address)[:1] != "\0":
        return replace(place, address=os.path.abspath(str(place.address)))
    return place
