"""Many datagrams in one system call: `recvmmsg` and `sendmmsg`, through ctypes.

Law: buffers and headers are made once and belong to a Poller's sockets together, so everything is
copied out before it is returned; and no datagram is cut, for a slot holds more than UDP can carry.

Per datagram only C code runs (`struct`, slices, strided memoryviews): a ctypes access in Python
costs as much as the system call that it would save.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final

BATCH: Final = 64
"""Datagrams taken or sent by one system call at most."""

CAPACITY: Final = 65_536
"""Bytes that a datagram may have on arrival; UDP carries 65,507 (IPv4) or 65,527 (IPv6)."""

ROOM: Final = 131_072  # bytes that one call sends at most; twice what one datagram can have
_SHORT: Final = 256
_PART: Final = 8
STRIDE: Final = CAPACITY + 192  # or all slots would compete for the same cache lines
_SIZES: Final = 4_096  # sizes of datagrams whose cutter is kept
_DONTWAIT: Final = 0x40
_TRUNC: Final = 0x20  # asks for the real size, also of a datagram that does not fit

_SIZE_T: Final = "L"  # as wide as a pointer wherever Linux runs
_NAME_SIZE: Final = {socket.AF_INET: 16, socket.AF_INET6: 28}


class _Vector(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", ctypes.c_size_t), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """``struct msghdr``."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """``struct mmsghdr``."""

    _fields_ = (("message", _Message), ("size", ctypes.c_uint))


class _Cutters(dict[int, Callable[[memoryview], tuple[bytes]]]):
    """For each size what copies so many bytes out of a slot: ``cutters[size](slot)[0]``."""

    def __missing__(self, size: int) -> Callable[[memoryview], tuple[bytes]]:
        if size > CAPACITY:
            raise OSError(errno.EMSGSIZE, "a datagram was cut")
        cut: Any = struct.Struct(f"{size}s").unpack_from
        if len(self) < _SIZES:
            self[size] = cut
        return cut  # type: ignore[no-any-return]


class Table:
    """Headers for one system call.

    Args:
        memory: Where the datagrams are: `BATCH` slots of `capacity` bytes, `stride` apart. With a
            capacity of 0 the user sets `vectors`.
        name_size: Bytes of a packed address; 0: without.
        control: Control messages that go with every header.
    """

    def __init__(
        self,
        memory: bytearray,
        stride: int,
        capacity: int,
        name_size: int,
        control: bytearray | None = None,
    ) -> None:
        self.names = bytearray(max(BATCH * name_size, 1))
        self.vectors = (_Vector * BATCH)()
        headers = (_Header * BATCH)()
        start, names_at = address(memory), address(self.names)
        vectors_at = ctypes.addressof(self.vectors)
        for index in range(BATCH):
            self.vectors[index].base = start + index * stride
            self.vectors[index].size = capacity
            header = headers[index].message
            header.name = names_at + index * name_size if name_size else None
            header.name_size = name_size
            header.vectors = vectors_at + index * ctypes.sizeof(_Vector)
            header.vector_count = 1
            if control is not None:
                header.control = address(control)
                header.control_size = len(control)
        self.pointer = ctypes.c_void_p(ctypes.addressof(headers))
        words = memoryview(headers).cast("B").cast("I")
        self.sizes = words[_Header.size.offset // 4 :: ctypes.sizeof(_Header) // 4]
        self._kept = (headers, memory, control)

    def send(self, descriptor: int, count: int) -> int:
        """Send the first `count` headers; how many were sent, at least one.

        Raises:
            OSError: As the kernel words it.
        """
        sent: int = _sendmmsg(descriptor, self.pointer, count, _DONTWAIT)
        if sent < 0:
            raise _failure()
        return sent


class Inbox:
    """Reads for all sockets of one family and one Poller."""

    def __init__(self, memory: bytearray, family: int) -> None:
        name_size = nameSize(family)
        self._table = Table(memory, STRIDE, CAPACITY, name_size)
        self._slots = _slots(memory)
        self._names = [struct.Struct(f"{name_size}s" * n).unpack_from for n in range(BATCH + 1)]

    def receive(self, descriptor: int) -> tuple[list[bytes], Sequence[Any]]:
        """What has arrived: datagrams, and for each the packed address of its sender.

        Raises:
            OSError: As the kernel words it, unless it says that nothing is there.
        """
        table = self._table
        count = _recvmmsg(descriptor, table.pointer, BATCH, _DONTWAIT | _TRUNC, None)
        if count < 0:
            failure = _failure()
            if failure.errno == errno.EAGAIN:
                return [], ()
            raise failure
        sizes = table.sizes[:count].tolist()
        if sizes.count(sizes[0]) == count:
            cut = _cutters[sizes[0]]
            datagrams = [cut(slot)[0] for slot in self._slots[:count]]
        else:
            pairs = zip(sizes, self._slots, strict=False)
            datagrams = [_cutters[size](slot)[0] for size, slot in pairs]
        return datagrams, self._names[count](table.names)


class Outbox:
    """Sends for all sockets of one Poller whose packed addresses have `name_size` bytes.

    Args:
        name_size: 0 on connected sockets.
    """

    def __init__(self, memory: Memory, name_size: int) -> None:
        table = self._table = Table(memory.bytes, 0, 0, name_size)
        words = memoryview(table.vectors).cast("B").cast(_SIZE_T)
        self._bases, self._lengths = words[0::2], words[1::2]
        self._memory = memory
        self._laid: list[int] = []  # the lengths that the vectors are set to
        self._named = bool(name_size)

    def send(
        self, descriptor: int, datagrams: Sequence[bytes], destinations: Sequence[bytes]
    ) -> int:
        """Send some of at most `BATCH` datagrams, in order.

        Returns:
            How many have left, at least one: the first that has not may have been refused.

        Raises:
            OSError: The first one was refused, as the kernel words it.
        """
        lengths = list(map(len, datagrams))
        if lengths != self._laid:
            self._lay(lengths)
        count = len(self._laid)
        self._memory.put(datagrams[:count])
        if self._named:
            names = b"".join(destinations[:count])
            self._table.names[: len(names)] = names
        return self._table.send(descriptor, count)

    def _lay(self, lengths: list[int]) -> None:
        """Set the vectors for as many datagrams as there is room for, one behind the other."""
        fitting = bisect_right(list(accumulate(lengths)), ROOM)
        laid = self._laid = lengths[:fitting]
        starts = accumulate(laid[:-1], initial=self._memory.start)
        self._bases[:fitting] = array(_SIZE_T, starts)
        self._lengths[:fitting] = array(_SIZE_T, laid)


class Memory:
    """Where datagrams are put together to be sent."""

    def __init__(self) -> None:
        self.bytes = bytearray(ROOM)
        self.start = address(self.bytes)

    def put(self, datagrams: Sequence[bytes]) -> None:
        """Put them one behind the other; in parts, or long ones would unsettle the heap."""
        memory, start = self.bytes, 0
        step = BATCH if len(datagrams[0]) <= _SHORT else _PART
        for index in range(0, len(datagrams), step):
            part = b"".join(datagrams[index : index + step])
            end = start + len(part)
            memory[start:end] = part
            start = end


def nameSize(family: int | None) -> int:
    """Bytes of a packed address of `family`; None: of nobody."""
    return 0 if family is None else _NAME_SIZE[socket.AddressFamily(family)]


def _slots(memory: bytearray) -> list[memoryview]:
    view = memoryview(memory)
    return [view[start : start + CAPACITY] for start in range(0, len(memory), STRIDE)]


def address(memory: bytearray) -> int:
    """Where the bytes are."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _failure() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, errno.errorcode.get(number, "unknown error"))


def _function(name: str) -> Any:
    """A function of the C library, called without letting the lock go: it never blocks."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.PyDLL(None, use_errno=True), name, None)


_recvmmsg: Final = _function("recvmmsg")
_sendmmsg: Final = _function("sendmmsg")
_cutters: Final = _Cutters()


def available() -> bool:
    """Whether the C library has both calls."""
    return _recvmmsg is not None and _sendmmsg is not None
