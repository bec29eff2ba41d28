"""Unix socket files that nobody listens on any more.

Law: only a socket that refuses connections is removed; never a live one, never another file.
"""

from __future__ import annotations

import os
import socket
import stat


def removeStaleSocket(path: str) -> bool:
    """Remove the socket file a crashed server left at `path`.

    Whether it is stale the kernel tells: connecting to a socket without a listener is refused
    (``ECONNREFUSED``). Any other outcome leaves the file alone, and listening says what is wrong.

    Returns:
        True when a stale socket was removed.

    Raises:
        OSError: It is stale and may not be removed.
    """
    if not path or path.startswith("\0") or not _is_socket(path):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a live server with a full backlog must not hold us up
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return True
        except OSError:
            return False
    return False


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False
