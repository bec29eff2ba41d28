"""Sockets made of descriptors that are open already.

Law: a descriptor that is refused stays open and untouched.
"""

from __future__ import annotations

import os
import socket
import stat

from nodenet.errors import ERR_INVALID_FD_TYPE
from nodenet.loop import Poller
from nodenet.transports.pipe import PipeDescriptor
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport


def adopt(poller: Poller, fd: int) -> TCPTransport | UNIXTransport | PipeDescriptor:
    """Take over a descriptor of a stream socket, a FIFO, a pipe or a terminal.

    Raises:
        ERR_INVALID_FD_TYPE: It is something else.
    """
    kind = _kind(fd)
    if kind == "SOCKET":
        return _adopt_socket(poller, fd)
    if kind in ("PIPE", "TTY"):
        return PipeDescriptor(poller, fd)
    raise ERR_INVALID_FD_TYPE(kind)


def _kind(fd: int) -> str:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return "UNKNOWN"
    if os.isatty(fd):
        return "TTY"
    if stat.S_ISREG(mode) or stat.S_ISCHR(mode):
        return "FILE"
    if stat.S_ISFIFO(mode):
        return "PIPE"
    return "SOCKET" if stat.S_ISSOCK(mode) else "UNKNOWN"


def _adopt_socket(poller: Poller, fd: int) -> TCPTransport | UNIXTransport:
    skt = socket.socket(fileno=fd)
    if skt.type == socket.SOCK_STREAM:
        if skt.family == socket.AF_UNIX:
            return UNIXTransport(poller, skt)
        if skt.family in (socket.AF_INET, socket.AF_INET6):
            return TCPTransport(poller, skt)
    kind = "UDP" if skt.type == socket.SOCK_DGRAM else "UNKNOWN"
    skt.detach()
    raise ERR_INVALID_FD_TYPE(kind)
