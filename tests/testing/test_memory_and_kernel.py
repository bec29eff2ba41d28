"""What a socket in memory answers, a socket of the kernel's answers: whatever is done to both."""

from __future__ import annotations

import errno
import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from nodenet.testing.memory import Faults, MemorySocket

# Not made smaller: each that fails may wait for something in vain.
SETTINGS = settings(max_examples=300, deadline=None, phases=(Phase.reuse, Phase.generate))
PATIENCE = 10.0  # seconds until a kernel has carried something from one end to the other
READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
WRITABLE = select.POLLOUT | select.POLLHUP | select.POLLERR
RESET = struct.pack("ii", 1, 0)
INT = struct.Struct("i")

ACTS: dict[str, Callable[[Any], object]] = {
    "send": lambda end: end.send(b"12345"),
    "send much": lambda end: end.sendmsg([b"x" * 1000, b"y" * 1000]),
    "send nothing": lambda end: end.sendmsg([b""]),
    "receive": lambda end: bytes(end.recv(3)),
    "receive much": lambda end: bytes(end.recv(5000)),
    "receive nothing": lambda end: bytes(end.recv(0)),
    "shut down": lambda end: end.shutdown(socket.SHUT_WR),
    "ask for the peer": lambda end: end.getpeername() and None,
    "reset": lambda end: (end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET), end.close()),
    "close": lambda end: end.close(),
}
CLOSE = ("reset", "close")


class Pair:
    """The two ends of a connection; an end that was closed is None."""

    def __init__(self, first: Any, second: Any) -> None:
        self.ends = [first, second]

    def act(self, index: int, name: str) -> object:
        """What an end answers: a value, or the code of its error."""
        end = self.ends[index]
        if name in CLOSE:
            self.ends[index] = None
        try:
            return ACTS[name](end)
        except OSError as error:
            return errno.errorcode[error.errno or 0]

    def state(self) -> list[tuple[bool, bool, int] | None]:
        """Of each end: whether it can be read and written, and how many bytes have arrived."""
        return [
            None if end is None else (*self._ready(end), self._arrived(end)) for end in self.ends
        ]

    def _ready(self, end: Any) -> tuple[bool, bool]:
        return end.readable, end.writable

    def _arrived(self, end: Any) -> int:
        return len(end._arrived)

    def close(self) -> None:
        for end in self.ends:
            if end is not None:
                end.close()


class KernelPair(Pair):
    def _ready(self, end: Any) -> tuple[bool, bool]:
        poller = select.poll()
        poller.register(end, select.POLLIN | select.POLLOUT)
        events = dict(poller.poll(0)).get(end.fileno(), 0)
        return bool(events & READABLE), bool(events & WRITABLE)

    def _arrived(self, end: Any) -> int:
        count: int = INT.unpack(fcntl.ioctl(end, termios.FIONREAD, bytes(INT.size)))[0]
        return count


def inMemory() -> Pair:
    first, second = (MemorySocket(1 << 16, 0, Clock(), Faults()) for _ in range(2))
    first.peer, second.peer = second, first
    return Pair(first, second)


def inKernel() -> KernelPair:
    with socket.create_server(("127.0.0.1", 0)) as server:
        first = socket.create_connection(server.getsockname())
        second, _ = server.accept()
    for end in (first, second):
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return KernelPair(first, second)


STEPS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([*ACTS])), min_size=1, max_size=12)


@SETTINGS
@given(STEPS)
def test_a_kernel_would_have_answered_the_same(steps: list[tuple[int, str]]) -> None:
    memory, kernel = inMemory(), inKernel()
    try:
        for index, name in steps:
            if memory.ends[index] is None:
                continue
            assert (name, memory.act(index, name)) == (name, kernel.act(index, name))
            settled(kernel, memory.state())
    finally:
        for pair in (memory, kernel):
            pair.close()


def settled(kernel: KernelPair, state: object) -> None:
    """Wait until all has arrived, and the ends are as they should be."""
    deadline = time.monotonic() + PATIENCE
    while (found := kernel.state()) != state:
        assert time.monotonic() < deadline, f"{found}, not {state}"
