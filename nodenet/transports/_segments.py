"""Runs of equal datagrams to one peer: the kernel gets them in one piece and cuts it (UDP_SEGMENT).

Law: the peer receives the datagrams that were sent; where the kernel, the device or the way do not
allow it, an `OSError` says so and nothing has left.

A run costs the kernel one walk through its layers instead of one for each datagram.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final

from nodenet.transports._mmsg import BATCH, ROOM, Memory, Outbox, Table

LONGEST: Final = ROOM // BATCH
"""Bytes of the longest datagrams that are sent so: 2,048."""

# What says that a run cannot be cut; the same datagrams may leave one by one.
_UNCUT: Final = frozenset({errno.EINVAL, errno.EMSGSIZE, errno.EIO})
_PEERS: Final = 1_024  # that runs are not cut for; all are tried again beyond
_SHORTEST_RUN: Final = 3
_PIECE: Final = 65_507  # bytes that the kernel takes at once
_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_HEADER: Final = struct.Struct("@Nii")  # struct cmsghdr
_SIZE: Final = struct.Struct("=H")


def segmentable(skt: socket.socket) -> bool:
    """Whether the kernel can cut what this socket sends; else it would send the piece as it is."""
    if sys.platform != "linux":
        return False
    try:
        skt.getsockopt(_SOL_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return True


def _isRun(datagrams: Sequence[bytes], destinations: Sequence[bytes]) -> bool:
    """Whether these are equally long datagrams to one peer, so many that it pays."""
    to, count, size = destinations[0], len(datagrams), len(datagrams[0])
    if to != destinations[-1] or count < _SHORTEST_RUN or not 0 < size <= LONGEST:
        return False
    return list(map(len, datagrams)).count(size) == count == destinations.count(to)


class SegmentingOutbox:
    """Sends for one socket: runs in pieces, as far as each peer's way lets them, all else whole.

    Args:
        outbox: Sends what is no run.
        segments: Sends runs.
    """

    def __init__(self, outbox: Outbox, segments: Segments) -> None:
        self._outbox = outbox
        self._segments = segments
        # Bytes that datagrams may have at most to be cut, for peers where that is not `LONGEST`.
        self._most: dict[bytes, int] = {}

    def send(
        self, descriptor: int, datagrams: Sequence[bytes], destinations: Sequence[bytes]
    ) -> int:
        """Do as `Outbox.send` does."""
        if not _isRun(datagrams, destinations):
            return self._outbox.send(descriptor, datagrams, destinations)
        to, size = destinations[0], len(datagrams[0])
        if size > self._most.get(to, LONGEST):
            return self._outbox.send(descriptor, datagrams, destinations)
        try:
            return self._segments.send(descriptor, datagrams, to)
        except OSError as error:
            if error.errno not in _UNCUT:
                raise
            refusal = error.errno
        # When they leave now, it was the cutting that was refused, and not the datagrams.
        sent = self._outbox.send(descriptor, datagrams, destinations)
        if len(self._most) >= _PEERS:
            self._most.clear()
        self._most[to] = 0 if refusal == errno.EIO else size - 1
        return sent


class Segments:
    """Sends runs to packed addresses of `name_size` bytes; 0 on connected sockets."""

    def __init__(self, memory: Memory, name_size: int) -> None:
        control = _HEADER.pack(socket.CMSG_LEN(_SIZE.size), _SOL_UDP, _UDP_SEGMENT)
        self._control = bytearray(control.ljust(socket.CMSG_SPACE(_SIZE.size), b"\0"))
        self._table = Table(memory.bytes, 0, 0, name_size, self._control)
        self._memory = memory
        self._laid = (0, 0)  # the size and the number of datagrams that the table is set to
        self._each = self._pieces = 0

    def send(self, descriptor: int, datagrams: Sequence[bytes], to: bytes) -> int:
        """Send a run of at most `BATCH` datagrams.

        Returns:
            How many datagrams have left, at least one.

        Raises:
            OSError: As the kernel words it; one of `UNCUT` when it cannot be sent so.
        """
        size, count = len(datagrams[0]), len(datagrams)
        if self._laid != (size, count):
            self._lay(size, count)
        names = to * self._pieces
        self._table.names[: len(names)] = names
        self._memory.put(datagrams)
        sent = self._table.send(descriptor, self._pieces)
        return min(sent * self._each, count)

    def _lay(self, size: int, count: int) -> None:
        """Set the table for `count` datagrams of `size` bytes, in pieces."""
        self._laid = (size, count)
        self._each = min(_PIECE // size, BATCH)
        self._pieces = -(-count // self._each)
        _SIZE.pack_into(self._control, socket.CMSG_LEN(0), size)
        for index in range(self._pieces):
            vector = self._table.vectors[index]
            first = index * self._each
            vector.base = self._memory.start + first * size
            vector.size = (min(first + self._each, count) - first) * size
