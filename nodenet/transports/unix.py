"""Unix stream descriptors.

Law: a path that was bound here is unlinked only while it is still the socket that was bound.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Final

from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import ITransport
from zope.interface import implementer

from nodenet.loop import Poller
from nodenet.transports.protocol import StreamTransport

_LONGEST_PATH: Final = 107
_LONGEST_ABSTRACT: Final = 108
"""Bytes that the kernel's address has room for; a path ends with a NUL of its own."""


@implementer(ITransport)
class UNIXTransport(StreamTransport):
    """A connection over a Unix socket."""

    @classmethod
    def open(cls, poller: Poller) -> UNIXTransport:
        """An unconnected one, for :meth:`connect`."""
        return cls(poller, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))

    def localAddress(self) -> None:
        """A Unix socket has no port and no IP address; its path is that of `getHost`."""

    def remoteAddress(self) -> None:
        """As `localAddress`."""

    def getHost(self) -> UNIXAddress:
        return UNIXAddress(self._socket.getsockname() or None)

    def getPeer(self) -> UNIXAddress:
        return UNIXAddress(self._socket.getpeername() or None)

    def describe(self) -> str:
        if not self._open:
            return "closed"
        try:
            peer = self._socket.getpeername()
        except OSError:
            peer = None
        return f"unix {self._socket.getsockname() or peer or '(unnamed)'}"


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
    """Refuse a `path` that does not fit, in bytes, into the kernel's address.

    Raises:
        OSError: ``EINVAL``, as libuv says it.
    """
    longest = _LONGEST_ABSTRACT if path[:1] == "\0" else _LONGEST_PATH
    if len(os.fsencode(path)) > longest:
        raise OSError(errno.EINVAL, "path too long")


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
