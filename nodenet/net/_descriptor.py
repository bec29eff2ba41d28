"""Sockets made of descriptors that are open already.

Law: a descriptor that is refused stays open and untouched.
"""

from __future__ import annotations

import socket

from nodenet.errors import ERR_INVALID_FD_TYPE
from nodenet.loop import Poller
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport


def adopt(poller: Poller, fd: int) -> TCPTransport | UNIXTransport:
    """Take over a descriptor of a connected stream socket.

    Raises:
        ERR_INVALID_FD_TYPE: It is something else.
    """
    try:
        skt = socket.socket(fileno=fd)
    except OSError:
        raise ERR_INVALID_FD_TYPE("UNKNOWN") from None
    if skt.type == socket.SOCK_STREAM:
        if skt.family == socket.AF_UNIX:
            return UNIXTransport(poller, skt)
        if skt.family in (socket.AF_INET, socket.AF_INET6):
            return TCPTransport(poller, skt)
    kind = "UDP" if skt.type == socket.SOCK_DGRAM else "UNKNOWN"
    skt.detach()
    raise ERR_INVALID_FD_TYPE(kind)
