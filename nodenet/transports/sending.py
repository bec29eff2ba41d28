"""How a descriptor sends: at once; what the kernel does not take waits.

Law: bytes leave in the order they were given, and what waits is told with `flushed()` when it has
left. `_queue` is what was given and has not been taken; while that is `held`, the kernel was not
asked yet.

Who writes for as long as he may is bundled and bounded. What is written from `flushed()` is held,
when the kernel has promised to take so much, and leaves in one system call behind it: what a call
costs hardly depends on how much it takes. And between two looks for events no more is sent than
`_TURN` says, though the kernel may have room: a peer that reads as fast as we write would be the
only one served.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from nodenet.errors import systemError
from nodenet.loop import Handle, Poller
from nodenet.transports.sink import NOBODY, StreamSink

_STREAMED: Final = 1024  # bytes: a write of that length may be one of a stream
_BUNDLE: Final = 524_288  # bytes of such writes that leave together
_TURN: Final = 4_194_304  # bytes of such writes: as many as the kernel keeps for a slow peer
_UNKNOWN: Final = -1  # the kernel has to be asked
_MANY: Final = 512  # chunks that are enough to be held
_VECTOR: Final = 1024  # chunks that the kernel takes at once
_NOTHING: Final[deque[bytes | memoryview]] = deque()  # an idle connection needs none of its own


class SendingHandle(Handle):
    """The sending side of a stream socket."""

    __slots__ = (
        "_queue",
        "_room",
        "_sent_in_turn",
        "_turn",
        "bytesSent",
        "held",
        "queued",
        "sink",
    )

    def __init__(self, poller: Poller, skt: socket.socket) -> None:
        super().__init__(poller, skt)
        self.sink: StreamSink = NOBODY
        self.bytesSent = self.queued = 0
        self.held = False
        self._queue = _NOTHING
        self._room: int | None = None  # bytes that may be held; a number within `flushed()`
        self._turn = 0  # when there was a write of `_STREAMED` bytes last
        self._sent_in_turn = 0  # bytes, of such writes

    def send(self, data: bytes) -> bool:
        """Hand `data` to the kernel now, or soon where it is one of a stream.

        :returns: True when all of it was taken or will be; False when the rest waits, and
            `flushed()` of the sink will tell.
        :raises OSError: when the kernel refused it (nothing of it waits then).
        """
        size = len(data)
        if size >= _STREAMED:
            room = self._room
            if room and room > size:  # as in `_may_send`, without a call
                self._queue.append(data)
                self.queued += size
                self._room = room - size
                return True
            if not self._may_send((data,), size):
                return bool(self._room)
        sent = 0
        if not self._queue:
            skt = self._socket
            try:
                sent = skt.send(data)
            except BlockingIOError:
                pass
            except OSError as error:
                raise systemError(error, "write") from None
            self.bytesSent += sent
            if sent == size:
                return True
        elif self.held and not self._may_send((data,), size):
            return bool(self._room)
        self._keep((data,), sent)
        return False

    def sendv(self, chunks: Sequence[bytes]) -> bool:
        """As `send`, several chunks in one system call (`sendmsg`)."""
        size = sum(map(len, chunks))
        if size >= _STREAMED and not self._may_send(chunks, size):
            return bool(self._room)
        sent = 0
        if not self._queue:
            try:
                sent = self._socket.sendmsg(chunks[:_VECTOR])
            except BlockingIOError:
                pass
            except OSError as error:
                raise systemError(error, "write") from None
            self.bytesSent += sent
            if sent == size:
                return True
        elif self.held and not self._may_send(chunks, size):
            return bool(self._room)
        self._keep(chunks, sent)
        return False

    def sendHeld(self) -> None:
        """Have the kernel take now what is held for it; `writeFailed` of the sink may tell."""
        if self.held:
            self._room = None
            self._send_queue()

    def inherited(self) -> None:
        super().inherited()
        self.held = False  # the parent will send it

    # -- private ----------------------------------------------------------------------------

    def _send_more(self) -> None:
        """The kernel has room."""
        sent = self.bytesSent
        if self._queue and not self._send_queue():
            return
        self._turn, self._sent_in_turn = self.poller.ticks.turn, self.bytesSent - sent
        self._room = _UNKNOWN
        try:
            self.sink.flushed()
        finally:
            room, self._room = self._room, None
        if self.held and not self._send_queue():
            return
        if room == 0:
            return  # the others have their turn, then `flushed()` is due
        if room != _UNKNOWN and not self._queue:
            self.sink.flushed()
        # Only now: who writes more from flushed() mostly waits again.
        if not self._queue:
            self.stopWriting()

    def _may_send(self, chunks: Sequence[bytes], size: int) -> bool:
        """Whether to send `chunks` now; else they were queued. Asked for `_STREAMED` bytes."""
        room = self._room
        if room == _UNKNOWN:
            enough = self._promised() - self._sent_in_turn >= _BUNDLE
            room = self._room = _BUNDLE if enough else None
        if room:
            self.held = True
            for chunk in chunks:
                if chunk:  # what is empty would never leave
                    self._append(chunk, len(chunk))
            self._room = max(0, room - size) if len(self._queue) < _MANY else 0
            return False
        turn = self.poller.ticks.turn
        if turn != self._turn:
            self._turn, self._sent_in_turn = turn, size
        elif self._sent_in_turn < _TURN:
            self._sent_in_turn += size
        else:
            self._keep(chunks, 0)
            return False
        return True

    def _promised(self) -> int:
        """Bytes that the kernel takes for certain, once it has said that there is room.

        A third of its buffer is free then, less what it needs for itself.
        """
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 4

    def _send_queue(self) -> bool:
        """Have the kernel take what waits; whether that was all."""
        queue = self._queue
        self.held = False
        try:
            if len(queue) == 1:
                sent = self._socket.send(queue[0])
            else:
                sent = self._socket.sendmsg(list(islice(queue, _VECTOR)))
        except BlockingIOError:
            return False
        except OSError as error:
            self.stopWriting()
            queue.clear()
            self.queued = 0
            self.sink.writeFailed(systemError(error, "write"))
            return False
        self.bytesSent += sent
        self.queued -= sent
        self._drop(sent)
        return not queue

    def _append(self, chunk: bytes | memoryview, size: int) -> None:
        if self._queue is _NOTHING:
            self._queue = deque()
        self._queue.append(chunk)
        self.queued += size

    def _keep(self, chunks: Sequence[bytes], sent: int) -> None:
        """Keep `chunks` without their first `sent` bytes until the kernel takes more."""
        for chunk in chunks:
            size = len(chunk)
            if sent >= size:
                sent -= size
                continue
            self._append(memoryview(chunk)[sent:] if sent else chunk, size - sent)
            sent = 0
        self.startWriting()

    def _drop(self, sent: int) -> None:
        queue = self._queue
        while sent:
            size = len(queue[0])
            if sent < size:
                queue[0] = memoryview(queue[0])[sent:]
                return
            queue.popleft()
            sent -= size

    def _drop_queue(self) -> None:
        self.sendHeld()
        self._queue = _NOTHING
        self.queued = 0
