"""What the UDP sockets of one Poller share.

Law: buffers and headers are made once and gone with the last socket, so a thousand sockets need no
more of them than one.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary, ref

from nodenet.loop import Poller
from nodenet.transports._mmsg import BATCH, STRIDE, Inbox, Memory, Outbox, available, nameSize
from nodenet.transports._segments import Segments


class Buffers:
    """Memory for what arrives and what leaves, and the headers for both, by family."""

    def __init__(self) -> None:
        self._arrived = bytearray(BATCH * STRIDE)  # of the zero page: what is used costs memory
        self._leaving = Memory()
        self._inboxes: dict[int, Inbox] = {}
        self._outboxes: dict[int, Outbox] = {}
        self._segments: dict[int, Segments] = {}

    def inbox(self, family: int) -> Inbox:
        """What reads for sockets of `family`."""
        if family not in self._inboxes:
            self._inboxes[family] = Inbox(self._arrived, family)
        return self._inboxes[family]

    def outbox(self, family: int | None) -> Outbox:
        """What sends for sockets of `family`; None: for connected ones."""
        size = nameSize(family)
        if size not in self._outboxes:
            self._outboxes[size] = Outbox(self._leaving, size)
        return self._outboxes[size]

    def segments(self, family: int | None) -> Segments:
        """What sends runs of equal datagrams. As `outbox`."""
        size = nameSize(family)
        if size not in self._segments:
            self._segments[size] = Segments(self._leaving, size)
        return self._segments[size]


def buffersOf(poller: Poller) -> Buffers | None:
    """The buffers of `poller`'s sockets; None where the C library has no such calls."""
    if not available():
        return None
    kept = _shared.get(poller)
    buffers = None if kept is None else kept()
    if buffers is None:
        buffers = Buffers()
        _shared[poller] = ref(buffers)
    return buffers


_shared: Final[WeakKeyDictionary[Poller, ref[Buffers]]] = WeakKeyDictionary()
