"""What keeps a service from starting, told to its operator in one line.

Law: a start that fails leaves nothing open, says one line without a traceback, and ends twistd
with a status other than 0.
"""

from __future__ import annotations

import os
import sys

from twisted.logger import Logger

_log = Logger(namespace="nodenet")


class CannotStart(SystemExit, Exception):
    """A service cannot start; `str()` of it is the line for the operator.

    twistd tells a failing start apart by class. What is an `Exception` it reports through its
    status pipe to the process that daemonised, and it removes its pid file; what is a
    `SystemExit` ends Python without a traceback. This is both.
    """

    def __init__(self, line: str, status: int = 1) -> None:
        super().__init__(status)
        self.line = line

    def __str__(self) -> str:
        return self.line


def cannotStart(line: str, status: int = 1) -> CannotStart:
    """Tell the operator `line`; returns the exception to raise, which ends twistd with `status`.

    It goes to the terminal past twistd, which by then has led ``sys.stderr`` into its log; and
    into the log where nobody sees the terminal, as in a daemon.
    """
    if _standard_error_is_seen():
        print(f"nodenet: {line}", file=sys.__stderr__, flush=True)
    else:
        _log.critical("{line}", line=line)
    return CannotStart(line, status)


def _standard_error_is_seen() -> bool:
    try:
        return not os.path.samestat(os.fstat(2), os.stat(os.devnull))
    except OSError:
        return False
