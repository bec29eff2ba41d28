"""Tracing by ``NODENET_DEBUG``, as ``NODE_DEBUG`` does it.

Law: a section that is not asked for costs one ``is not None`` where it is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def debuglog(section: str) -> Callable[..., None] | None:
    """Return what writes a trace line for a section.

    `NODENET_DEBUG` holds section names separated by commas (``net,dgram,loop``);
    ``*`` asks for all of them. It is read when the module that traces is imported.

    Args:
        section: The name of the section.

    Returns:
        A function that takes a format and its arguments, as :meth:`str.format` does; ``None`` when
        the section is not asked for.
    """
    wanted = os.environ.get("NODENET_DEBUG", "").lower().replace(" ", "").split(",")
    if section.lower() not in wanted and "*" not in wanted:
        return None

    def trace(message: str, *args: object) -> None:
        # twistd forks after this was imported, so the process is looked at now.
        sys.stderr.write(f"{section.upper()} {os.getpid()}: {message.format(*args)}\n")

    return trace
