"""Tells systemd how a service is, where it has asked for that: sd_notify(3).

Law: a service goes on whether or not anybody hears this.
"""

from __future__ import annotations

import os
import socket

from twisted.logger import Logger

_log = Logger(namespace="nodenet")

ADDRESS = "NOTIFY_SOCKET"
"""The variable in the environment that names the socket."""


def notify(state: str) -> None:
    """Send `state`, such as ``READY=1``, where the environment says; nowhere if it does not."""
    address = os.environ.get(ADDRESS)
    if not address:
        return
    if address[0] == "@":
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as skt:
            skt.setblocking(False)
            skt.connect(address)
            skt.send(state.encode())
    except OSError as error:
        _log.warn("systemd was not told {state}: {error}", state=state, error=error)
