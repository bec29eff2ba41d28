"""Unix socket files that nobody listens on any more.

Law: only a socket that refuses connections is removed, and never another file. (Of a live one
there is a race left that `removeStaleSocket` names.)
"""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress


def removeStaleSocket(path: str) -> bool:
    """Remove the socket file a crashed server left at `path`.

    Whether it is stale the kernel tells: connecting to a socket without a listener is refused
    (``ECONNREFUSED``). Any other outcome leaves the file alone, and listening says what is wrong.

    What remains is a race of two servers that start on the same stale path at the same moment.
    The kernel removes a name, whatever it leads to by then, so the second one takes away the
    socket of the first if that one has, since the second asked, removed the old socket and bound
    its own; or if it has bound and is yet to listen (which refuses, too). The first then serves
    a socket that has no name, and says nothing of it. Nothing closes this that costs less: a lock
    on the directory can be held by anybody who may read it, so that a service would not start;
    to move the socket aside and look again leaves the path of a live server empty meanwhile.
    Nobody who keeps one server for a path, as systemd does, can meet it; a lock file of one's own
    around the start (``flock FILE twistd ...``) rules it out.

    Returns:
        True when a stale socket was there, and is not any more.

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
            with suppress(FileNotFoundError):  # another server that starts has been quicker
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
