"""Tracing by ``NODENET_DEBUG``, as ``NODE_DEBUG`` does it.

Law: a section that is not asked for costs one ``is not None`` where it is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def debuglog(section: str) -> Callable[..., None] | None:
    """A function that writes a trace line for `section`, or None when it is not asked for.

    `NODENET_DEBUG` holds section names separated by commas (``net,dgram,loop``);
    ``*`` asks for all of them. It is read when the module that traces is imported.
    The function takes a format and its arguments, as :func:`str.format` does.
    """
    wanted = os.environ.get("NODENET_DEBUG", "").lower().replace(" ", "").split(",")
    if section.lower() not in wanted and "*" not in wanted:
        return None
    prefix = f"{section.upper()} {os.getpid()}: "

    def trace(message: str, *args: object) -> None:
        sys.stderr.write(prefix + message.format(*args) + "\n")

    return trace
