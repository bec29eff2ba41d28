"""Warnings with Node's name and code, given through Python's ``warnings``.

Law: a warning points at the first line outside nodenet, for that is where it can be cured.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

_PACKAGE = str(Path(__file__).parent.parent) + "/"


class NodeWarning(Warning):
    """A warning as Node.js gives it.

    Attributes:
        name: Node's name for its kind.
        code: Node's code, or ``None``.
        message: The text.
    """

    name: str = "Warning"
    code: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MaxListenersExceededWarning(NodeWarning):
    """More listeners than expected: often a leak.

    Attributes:
        emitter: Where they were added.
        type: The event.
        count: How many there are.
    """

    emitter: Any
    type: Any
    count: int


class TimeoutNegativeWarning(NodeWarning):
    """A negative duration; 1 millisecond is used."""


class TimeoutOverflowWarning(NodeWarning):
    """A duration over 2,147,483,647 milliseconds."""


class NodeDeprecationWarning(NodeWarning, DeprecationWarning):
    """Something that Node deprecates."""


_KINDS: dict[str, type[NodeWarning]] = {
    "MaxListenersExceededWarning": MaxListenersExceededWarning,
    "TimeoutNegativeWarning": TimeoutNegativeWarning,
    "TimeoutOverflowWarning": TimeoutOverflowWarning,
    "DeprecationWarning": NodeDeprecationWarning,
}


def emitWarning(
    message: str, name: str = "Warning", code: str | None = None, **attributes: Any
) -> None:
    """Give a warning (``process.emitWarning``).

    Args:
        message: The text.
        name: Node's name for the kind of warning.
        code: Node's code, such as ``'DEP0137'``.
        attributes: What else the warning object carries.
    """
    warning = _KINDS.get(name, NodeWarning)(message)
    warning.name = name
    warning.code = code
    for key, value in attributes.items():
        setattr(warning, key, value)
    warnings.warn(warning, stacklevel=_outside())


def _outside() -> int:
    """Count the frames from `emitWarning` up to the first that is not nodenet's."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    return level
