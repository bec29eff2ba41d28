"""Unix stream descriptors.

Law: a path that was bound here is unlinked only while it is still the socket that was bound.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections import deque
from collections.abc import Callable
from typing import Final

from twisted.internet.address import UNIXAddress
from twisted.internet.error import FileDescriptorOverrun
from twisted.internet.interfaces import IFileDescriptorReceiver, IUNIXTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet.errors import systemError
from nodenet.interfaces import IStreamLink
from nodenet.loop import Poller
from nodenet.transports.sink import StreamSink
from nodenet.transports.tls import SecurableTransport

_LONGEST_PATH: Final = 107
_LONGEST_ABSTRACT: Final = 108
"""Bytes that the kernel's address has room for; a path ends with a NUL of its own."""

_MOST_DESCRIPTORS: Final = 253  # the kernel sends no more at once
_MANY_DESCRIPTORS: Final = 64  # waiting: a push producer is paused


@implementer(IUNIXTransport, IStreamLink)
class UNIXTransport(SecurableTransport):
    """A connection over a Unix socket; it carries descriptors too."""

    # Duplicates of the descriptors to send, each with a byte of its own.
    _descriptors: deque[int] | None = None

    @classmethod
    def open(cls, poller: Poller) -> UNIXTransport:
        """An unconnected one, for :meth:`connect`."""
        return cls(poller, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))

    def sendFileDescriptor(self, descriptor: int) -> None:
        """Send a duplicate of `descriptor` with a byte of what is written.

        At least as many bytes must be written as descriptors are sent, or else the connection is
        lost with `FileDescriptorOverrun`. The caller may close its own at once.

        Raises:
            OSError: `descriptor` is not open.
        """
        if self.connected and not self._aborting:
            if self._descriptors is None:
                self._descriptors = deque()
            self._descriptors.append(os.dup(descriptor))
            self._flush_soon()

    def getTcpNoDelay(self) -> bool:
        """False: protocols that expect TCP ask, and need no answer but this one."""
        return False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Does nothing, for protocols that expect TCP."""

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.popleft())
        super().close()

    # -- addresses --------------------------------------------------------------------------

    def localAddress(self) -> None:
        """There is no port: None, always."""

    def remoteAddress(self) -> None:
        """There is no port: None, always."""

    def describe(self) -> str:
        if not self._open:
            return "closed"
        try:
            peer = self._socket.getpeername()
        except OSError:
            peer = None
        return f"unix {self._socket.getsockname() or peer or '(unnamed)'}"

    # -- from the Poller --------------------------------------------------------------------

    def doWrite(self) -> None:
        if self._descriptors and self._queue:
            self._write_descriptors()
        else:
            super().doWrite()

    # -- private ----------------------------------------------------------------------------

    def _host_address(self) -> UNIXAddress:
        return UNIXAddress(self._socket.getsockname() or None)

    def _peer_address(self) -> UNIXAddress:
        return UNIXAddress(self._socket.getpeername() or None)

    def attach(self, deliver: Callable[[bytes], object], sink: StreamSink) -> None:
        super().attach(deliver, sink)
        receives = IFileDescriptorReceiver.providedBy(self._protocol)
        self._recv = self._receive_descriptors if receives else self._socket.recv

    def _receive_descriptors(self, size: int) -> bytes:
        """As `recv`, and hands the descriptors over that come along, before their bytes."""
        data, descriptors, _, _ = socket.recv_fds(self._socket, size, _MOST_DESCRIPTORS)
        while descriptors:
            descriptor = descriptors.pop(0)
            if IFileDescriptorReceiver.providedBy(self._protocol):
                self._protocol.fileDescriptorReceived(descriptor)
            else:
                os.close(descriptor)
        return data

    def _transmit(self, chunks: list[bytes]) -> None:
        if self._descriptors:
            self._keep(chunks, 0)
            self._write_descriptors()
        else:
            super()._transmit(chunks)

    def _transmitted(self, something: bool) -> None:
        if self._descriptors and not self.queued:
            self._lose(Failure(FileDescriptorOverrun()))
        else:
            super()._transmitted(something)

    def _is_full(self) -> bool:
        return len(self._descriptors or ()) > _MANY_DESCRIPTORS or super()._is_full()

    def _write_descriptors(self) -> None:
        """Send what waits: each descriptor with one byte, then the poller sends the rest."""
        descriptors = self._descriptors
        assert descriptors is not None
        while descriptors and self._queue:
            first = memoryview(self._queue[0])[:1]
            try:
                socket.send_fds(self._socket, [first], [descriptors[0]])
            except BlockingIOError:
                return
            except OSError as error:
                self.stopWriting()
                self.sink.writeFailed(systemError(error, "write"))
                return
            os.close(descriptors.popleft())
            self.bytesSent += 1
            self.queued -= 1
            self._drop(1)
        if not self._queue:
            self.stopWriting()
            self.sink.flushed()


def listen(path: str, backlog: int, *, mode: int | None = None, extra: int = 0) -> socket.socket:
    """A Unix socket that listens at `path` (abstract when it begins with NUL).

    The file has the permissions `mode` (default: what the umask leaves), and those in `extra`
    besides, before anybody can connect: the kernel refuses until the listen, which comes last.

    Raises:
        OSError: as the kernel words it, or ``EINVAL`` when the path is too long for it; nothing
            is left behind then.
    """
    checkPath(path)
    skt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound = False
    try:
        skt.bind(path)
        bound = path[:1] != "\0"
        if bound and (mode is not None or extra):
            current = stat.S_IMODE(os.stat(path).st_mode)
            os.chmod(path, (current if mode is None else mode) | extra)
        skt.listen(backlog)
    except OSError:
        skt.close()
        if bound:
            os.unlink(path)
        raise
    return skt


def checkPath(path: str) -> None:
    """Refuse a `path` that does not fit into the kernel's address, or that is none.

    Raises:
        OSError: ``EINVAL``, as libuv says it.
    """
    abstract = path[:1] == "\0"
    try:
        size = len(os.fsencode(path))
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "no path") from None
    if size > (_LONGEST_ABSTRACT if abstract else _LONGEST_PATH):
        raise OSError(errno.EINVAL, "path too long")
    if "\0" in path and not abstract:
        raise OSError(errno.EINVAL, "a NUL in a path")


class BoundPath:
    """Remembers which file a bind made, to unlink that one and no other."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None
        if path and path[:1] != "\0":
            found = os.stat(path)
            self._identity = (found.st_dev, found.st_ino)

    def unlink(self) -> None:
        """Remove the file if it is still ours."""
        if self._identity is None:
            return
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return
        if stat.S_ISSOCK(found.st_mode) and (found.st_dev, found.st_ino) == self._identity:
            os.unlink(self.path)
        self._identity = None
