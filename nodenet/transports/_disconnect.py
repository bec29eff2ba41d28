"""Dissolving the association of a datagram socket: `connect` to no address family (``AF_UNSPEC``).

Law: afterwards the socket has no peer, or an `OSError` says why it still has one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
from typing import Any, Final

_UNSPECIFIED: Final = bytes(16)  # a sockaddr whose family is AF_UNSPEC
_connect: Any = ctypes.CDLL(None, use_errno=True).connect
# The BSDs dissolve the association and then complain about the address.
_COMPLAINTS: Final = frozenset() if sys.platform == "linux" else {errno.EAFNOSUPPORT, errno.EINVAL}


def disconnect(skt: socket.socket) -> None:
    """Forget the peer of `skt`: Python's own `connect` cannot say that.

    Raises:
        OSError: As the kernel words it.
    """
    if _connect(skt.fileno(), _UNSPECIFIED, len(_UNSPECIFIED)) < 0:
        number = ctypes.get_errno()
        if number not in _COMPLAINTS:
            raise OSError(number, os.strerror(number))
