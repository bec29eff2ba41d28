"""What is on the way to a client, or from it, where only the kernel sees it.

Law: nothing is read and nothing is changed; who cannot be asked has nothing on the way.

Closing while an answer is on the way can cost the client all of it: what it sends then is answered
with a reset, upon which the kernel drops what it has yet to send.
"""

from __future__ import annotations

import fcntl
import termios
from struct import Struct
from typing import Any, Final

from nodenet import net
from nodenet.transports.tcp import TCPTransport

_INT: Final = Struct("i")
_WAYS: Final = (termios.TIOCOUTQ, termios.FIONREAD)  # sent and not acknowledged; come and not read


def inFlight(connection: net.Socket) -> int:
    """Bytes of a TCP connection, also below TLS, that the kernel has and the other side has not."""
    below: Any = connection._link
    while below is not None and not isinstance(below, TCPTransport):
        below = getattr(below, "transport", None)
    if below is None:
        return 0  # a Unix socket keeps what was written, however it is closed
    return sum(_asked(below.getHandle().fileno(), way) for way in _WAYS)


def _asked(descriptor: int, way: int) -> int:
    try:
        answer = fcntl.ioctl(descriptor, way, bytes(_INT.size))
    except (OSError, ValueError):  # closed, or a system that does not say
        return 0
    count: int = _INT.unpack(answer)[0]
    return count
