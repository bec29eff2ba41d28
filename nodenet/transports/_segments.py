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
from functools import cache
from typing import Final

from nodenet.transports._mmsg import BATCH, ROOM, Memory, Table

LONGEST: Final = ROOM // BATCH
"""Bytes of the longest datagrams that are sent so: 2,048."""

#: What says that a run cannot be cut; the same datagrams may leave one by one.
UNCUT: Final = frozenset({errno.EINVAL, errno.EMSGSIZE, errno.EIO})

_SHORTEST_RUN: Final = 3
_PIECE: Final = 65_507  # bytes that the kernel takes at once
_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_HEADER: Final = struct.Struct("@Nii")  # struct cmsghdr
_SIZE: Final = struct.Struct("=H")


@cache
def segmentable(family: int) -> bool:
    """Whether the kernel can cut: one that cannot would send the piece as it is."""
    if sys.platform != "linux":
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.getsockopt(_SOL_UDP, _UDP_SEGMENT)
        except OSError:
            return False
    return True


def isRun(datagrams: Sequence[bytes], destinations: Sequence[bytes], longest: int) -> bool:
    """Whether these are equally long datagrams, of at most `longest` bytes, to one peer."""
    to, count, size = destinations[0], len(datagrams), len(datagrams[0])
    if to is not destinations[-1] or count < _SHORTEST_RUN or not 0 < size <= longest:
        return False
    return list(map(len, datagrams)).count(size) == count == destinations.count(to)


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

        :returns: how many datagrams have left, at least one.
        :raises OSError: as the kernel words it; one of `UNCUT` when it cannot be sent so.
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
