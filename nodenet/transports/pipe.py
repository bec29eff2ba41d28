"""Stream descriptors that are no sockets: FIFOs, pipes, terminals.

Law: what a `StreamDescriptor` asks of a socket, a `_PipeEnd` answers with what there is for files;
there is no FIN to send, and no address.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, cast

from nodenet.loop import Poller
from nodenet.transports.stream import StreamDescriptor


class PipeDescriptor(StreamDescriptor):
    """An open FIFO, pipe or terminal; it is closed with this.

    Args:
        poller: Who watches it.
        fd: The descriptor. A terminal is opened a second time, for a setting of this one
            (not to block) would be one of all processes that have it.
    """

    def __init__(self, poller: Poller, fd: int) -> None:
        if os.isatty(fd):
            _open_again(fd)
        super().__init__(poller, cast(Any, _PipeEnd(fd)))

    def shutdown(self) -> None:
        """The other side sees the end when this is closed."""

    def reset(self) -> None:
        """Close; there is no RST."""
        self.close()

    def localAddress(self) -> None:
        """None: there is none."""

    def remoteAddress(self) -> None:
        """None: there is none."""

    def describe(self) -> str:
        return f"pipe fd={self._descriptor}" if self._open else "closed"

    def _promised(self) -> int:
        return 0


class _PipeEnd:
    """A descriptor with the methods of a socket."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def setblocking(self, flag: bool) -> None:
        os.set_blocking(self._fd, flag)

    def recv(self, size: int) -> bytes:
        return os.read(self._fd, size)

    def recv_into(self, buffer: memoryview) -> int:
        return os.readv(self._fd, [buffer])

    def send(self, data: bytes) -> int:
        return os.write(self._fd, data)

    def sendmsg(self, chunks: Sequence[bytes]) -> int:
        return os.writev(self._fd, chunks)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        os.close(fd)


def _open_again(fd: int) -> None:
    """Put another open of the same terminal in the place of `fd`, where that is allowed."""
    try:
        own = os.open(os.ttyname(fd), os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return
    os.dup2(own, fd, inheritable=os.get_inheritable(fd))
    os.close(own)
