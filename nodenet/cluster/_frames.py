"""What goes over a channel: length-prefixed JSON, with sockets beside it.

Law: a frame is handed over whole, with the handle that it names or without one when that did not
arrive; a descriptor that no frame names is closed, and what is malformed is reported once.

A frame is ``[kind, number, about, inode, content]``, where `about` is the number of the frame that
is answered or acknowledged. A socket travels beside the bytes, ahead of the end of its frame; its
inode says which one it is, for the kernel drops those that a process may not open any more.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections import deque
from typing import Any, Final, NamedTuple, Protocol

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
from nodenet.transports.unix import UNIXTransport

LONGEST: Final = 16 * 1024 * 1024
"""Bytes that a frame may have."""

WINDOW: Final = 64
"""Sockets under way at once."""

_KINDS: Final = frozenset(("message", "query", "note", "answer", "failed", "got", "lost"))
_OWN: Final = frozenset(("query", "note"))
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode
_DONE: Final = Failure(ConnectionDone())


class Pipe(UNIXTransport):
    """A transport that loses nothing of what the other process has said, if that is gone itself."""

    _failed = False

    def drain(self) -> None:
        """Read what is there."""
        read = -1
        while self.connected and read != self.bytesRead:
            read = self.bytesRead
            self.doRead()

    def writeFailed(self, error: OSError) -> None:
        self._failed = True
        self.drain()
        super().writeFailed(error)

    def readEnded(self) -> None:
        if not self._failed:  # or else it would seem that all was sent
            super().readEnded()


class Frame(NamedTuple):
    """What has arrived."""

    kind: str
    number: int
    about: int | None
    inode: int | None
    content: Any


class FrameSink(Protocol):
    """Who is told what has arrived."""

    def received(self, frame: Frame, handle: socket.socket | None) -> None:
        """A frame, whole and as it should be; `handle` is ``None`` also when it got lost."""

    def malformed(self, error: ValueError) -> None:
        """The other process does what it should not. Nothing more is received."""

    def lost(self, reason: Failure) -> None:
        """The transport is closed."""


@implementer(IFileDescriptorReceiver)
class Frames(Int32StringReceiver):
    """What the transport runs: puts frames and handles together again."""

    MAX_LENGTH = LONGEST

    def __init__(self, sink: FrameSink) -> None:
        self._sink = sink
        self._descriptors: deque[tuple[int, int]] = deque()  # inode, descriptor
        self._malformed = False

    def write(self, data: bytes) -> int:
        """Send an encoded frame; returns how many bytes that are on the way."""
        self.sendString(data)  # type: ignore[no-untyped-call]  # Twisted's has no types
        return len(data) + int(self.prefixLength)

    def fileDescriptorReceived(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        found = os.fstat(descriptor)
        self._descriptors.append((found.st_ino, descriptor))
        if not stat.S_ISSOCK(found.st_mode):
            self._give_up("a descriptor that is no socket")
        elif len(self._descriptors) > WINDOW:
            self._give_up("sockets that it does not speak of")

    def stringReceived(self, string: bytes) -> None:
        if self._malformed:
            return
        try:
            frame = decoded(string)
        except (ValueError, RecursionError) as error:
            self._give_up(f"a malformed frame ({error})")
        else:
            handle = None if frame.inode is None else self._take(frame.inode)
            self._sink.received(frame, handle)

    def lengthLimitExceeded(self, length: int) -> None:
        self._give_up(f"a frame of {length} bytes, where {LONGEST} are allowed")

    def connectionLost(self, reason: Failure = _DONE) -> None:
        while self._descriptors:
            os.close(self._descriptors.popleft()[1])
        self._sink.lost(reason)

    def _give_up(self, what: str) -> None:
        self._malformed = True
        self._sink.malformed(ValueError(f"The other process sent {what}"))

    def _take(self, inode: int) -> socket.socket | None:
        """The socket of that inode; those before it lost their frame and are closed."""
        if not any(inode == known for known, _ in self._descriptors):
            return None
        while True:
            known, descriptor = self._descriptors.popleft()
            if known == inode:
                return socket.socket(fileno=descriptor)
            os.close(descriptor)


def encoded(kind: str, number: int, about: int | None, inode: int | None, content: Any) -> bytes:
    try:
        data = _encode((kind, number, about, inode, content)).encode()
    except (TypeError, ValueError):
        expected = ("string", "object", "number", "boolean")
        raise ERR_INVALID_ARG_TYPE("message", expected, content) from None
    if len(data) > LONGEST:
        raise ERR_OUT_OF_RANGE("message", f"<= {LONGEST} bytes as JSON", len(data))
    return data


def decoded(data: bytes) -> Frame:
    frame = _decode(data.decode())
    if not isinstance(frame, list) or len(frame) != len(Frame._fields):
        raise ValueError("it is no list of five")
    kind, number, about, inode, content = frame
    if type(kind) is not str or kind not in _KINDS or type(number) is not int:
        raise ValueError("it has no kind and number")
    if not all(one is None or type(one) is int for one in (about, inode)):
        raise ValueError("it names no frame and no handle")
    if kind in _OWN and not (isinstance(content, dict) and isinstance(content.get("act"), str)):
        raise ValueError("it says not whom it concerns")
    if kind == "answer" and not isinstance(content, dict):
        raise ValueError("it is no answer")
    return Frame(*frame)
