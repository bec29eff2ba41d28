"""The exit status of a program that ended by itself under twistd.

Law: twistd ends with 0 whenever it was started, and writes down whatever else leaves the reactor;
so a status is set at the very end of Python, when twistd has cleaned up.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any

from twisted.internet.error import ReactorNotRunning


class Exit:
    """How this process will end."""

    def __init__(self) -> None:
        self._status = 0

    def end(self, status: int) -> None:
        """End it with `status`, in order: the reactor stops, and services with it."""
        from twisted.internet import reactor

        self._status = status
        ending: Any = reactor
        try:
            ending.stop()
        except ReactorNotRunning:
            pass  # it stops already

    def leave(self) -> None:
        """Leave: called by Python, behind all that was registered later."""
        if self._status:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(self._status)


THIS_PROCESS = Exit()
atexit.register(THIS_PROCESS.leave)
