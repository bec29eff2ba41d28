"""What leaves over a channel, and what has become of it.

Law: frames leave in the order in which they were given, but for what is said past them. A handle is
acknowledged, and no more than `WINDOW` are under way at once: the kernel refuses a user more than
his limit of open files. Each frame's Deferred fires once.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from socket import socket
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from nodenet.cluster._frames import LONGEST, WINDOW, Frames, encoded
from nodenet.errors import ERR_IPC_CHANNEL_CLOSED, systemError
from nodenet.transports.unix import UNIXTransport

MOST_WAITING: Final = 4 * LONGEST
"""Bytes that may wait for the other process to read; of messages, others may take as much again."""

MOST_FRAMES: Final = 1024
"""Frames that may wait behind a socket, each of them perhaps with an open descriptor of its own."""

BACKLOG: Final = 131_072
"""Bytes waiting from which on a sender should pause (what Node's `send` returns is about that)."""


@implementer(IPullProducer)
class Outbox:
    """Feeds a transport.

    Args:
        transport: Whose producer this is from now on.
        frames: What the transport runs.
    """

    def __init__(self, transport: UNIXTransport, frames: Frames) -> None:
        self._transport = transport
        self._frames = frames
        self._waiting: deque[_Waiting] = deque()  # behind a handle that has to wait
        self._waiting_size = 0
        self._written = 0
        self._unsent: list[Deferred[None]] = []
        self._unacknowledged: dict[int, Deferred[None]] = {}
        transport.registerProducer(self, False)

    @property
    def backlog(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._waiting_size + self._written - self._transport.bytesSent

    @property
    def full(self) -> bool:
        """Whether a sender should pause: much waits for the kernel, or something for a handle."""
        return bool(self._waiting) or self.backlog >= BACKLOG

    @property
    def settled(self) -> bool:
        """Whether no handle is under way, and nothing waits behind one."""
        return not self._unacknowledged and not self._waiting

    def send(
        self, kind: str, number: int, content: Any, handle: socket | None, about: int | None = None
    ) -> Deferred[None]:
        """Send a frame; see `Channel.send`."""
        sent: Deferred[None] = Deferred()
        inode = None if handle is None else os.fstat(handle.fileno()).st_ino
        data = encoded(kind, number, about, inode, content)
        room = (
            1 if kind == "message" else 2
        )  # what is nodenet's own is little, and must not get lost
        if (
            self.backlog + len(data) > room * MOST_WAITING
            or len(self._waiting) >= room * MOST_FRAMES
        ):
            sent.errback(systemError(errno.ENOBUFS, "write"))
        else:
            duplicate = None if handle is None else handle.dup()
            self._waiting.append(_Waiting(data, number, duplicate, sent))
            self._waiting_size += len(data)
            self._pump()
        return sent

    def say(self, kind: str, about: int, content: int | None = None) -> None:
        """Say something short, past what waits."""
        self._write(encoded(kind, 0, about, None, content))

    def acknowledged(self, number: int | None, arrived: bool) -> None:
        """The other process says what has become of a frame's handle."""
        sent = None if number is None else self._unacknowledged.pop(number, None)
        if sent is not None and arrived:
            sent.callback(None)
        elif sent is not None:
            sent.errback(systemError(errno.EMFILE, "recvmsg"))
        self._pump()

    def lost(self, all_sent: bool) -> None:
        """The transport is closed; `all_sent` says whether the kernel has taken everything."""
        if all_sent:
            self.resumeProducing()
        unsent, self._unsent = self._unsent, []
        _refuse(unsent)

    def close(self) -> None:
        """Nothing more is sent; what was written may leave still."""
        self._transport.unregisterProducer()
        waiting, self._waiting = self._waiting, deque()
        self._waiting_size = 0
        for frame in waiting:
            if frame.handle is not None:
                frame.handle.close()
        unacknowledged, self._unacknowledged = self._unacknowledged, {}
        _refuse([*unacknowledged.values(), *(frame.sent for frame in waiting)])

    # -- IPullProducer ----------------------------------------------------------------------

    def resumeProducing(self) -> None:
        """The kernel has taken everything that was written."""
        unsent, self._unsent = self._unsent, []
        for sent in unsent:
            sent.callback(None)

    def stopProducing(self) -> None:
        """The connection is lost: `lost` follows."""

    # -- private ----------------------------------------------------------------------------

    def _pump(self) -> None:
        """Write what waits, up to a handle that has to wait on."""
        while self._waiting:
            frame = self._waiting[0]
            if frame.handle is not None and len(self._unacknowledged) >= WINDOW:
                return
            self._waiting.popleft()
            self._waiting_size -= len(frame.data)
            if frame.handle is None:
                self._unsent.append(frame.sent)
                self._write(frame.data)
            else:
                self._write_handle(frame, frame.handle)

    def _write_handle(self, frame: _Waiting, handle: socket) -> None:
        try:
            self._transport.sendFileDescriptor(handle.fileno())
        except OSError as error:
            frame.sent.errback(systemError(error, "dup"))
            return
        finally:
            handle.close()
        self._unacknowledged[frame.number] = frame.sent
        self._write(frame.data)

    def _write(self, data: bytes) -> None:
        self._written += self._frames.write(data)


class _Waiting(NamedTuple):
    """What waits to be written."""

    data: bytes
    number: int
    handle: socket | None
    sent: Deferred[None]


def _refuse(sent: list[Deferred[None]]) -> None:
    for one in sent:
        one.errback(ERR_IPC_CHANNEL_CLOSED())
