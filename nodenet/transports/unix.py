"""Unix stream descriptors.

Law: a path that was bound here is unlinked only while it is still the socket that was bound.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import ITransport
from zope.interface import implementer

from nodenet.loop import Poller
from nodenet.transports.protocol import StreamTransport


@implementer(ITransport)
class UNIXTransport(StreamTransport):
    """A connection over a Unix socket."""

    @classmethod
    def open(cls, poller: Poller) -> UNIXTransport:
        """An unconnected one, for :meth:`connect`."""
        return cls(poller, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))

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


def listen(path: str, backlog: int, *, mode: int | None = None) -> socket.socket:
    """A Unix socket that listens at `path` (abstract when it begins with NUL).

    With `mode` the file has these permissions before anybody can connect: `listen` comes last.

    :raises OSError: as the kernel words it; nothing is left behind then.
    """
    skt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound = False
    try:
        skt.bind(path)
        bound = True
        if mode is not None and path[:1] != "\0":
            os.chmod(path, mode)
        skt.listen(backlog)
    except OSError:
        skt.close()
        if bound and path[:1] != "\0":
            os.unlink(path)
        raise
    return skt


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


def rawPath(path: str) -> Any:
    """The address of `path` for the kernel: text, or bytes where it holds NUL."""
    return path.encode() if path[:1] == "\0" else path
