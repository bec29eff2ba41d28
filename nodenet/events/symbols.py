"""Names and markers that belong to no emitter.

Invariant: a `Symbol` equals nothing but itself, so no event of a user can collide with it.
"""

from __future__ import annotations

from typing import Any, Final


class Symbol:
    """An event name that is no text and cannot be met by accident, as JavaScript's ``Symbol``.

    Args:
        description: What ``str()`` shows of it.
    """

    __slots__ = ("description",)

    def __init__(self, description: str) -> None:
        self.description = description

    def __repr__(self) -> str:
        return f"Symbol({self.description})"


errorMonitor: Final = Symbol("events.errorMonitor")
"""The event that sees every ``'error'`` before its listeners do, and that counts as none of them:
an ``'error'`` that is only monitored is raised all the same."""

captureRejectionSymbol: Final = "captureRejection"
"""The name of the method that an emitter calls when a listener's coroutine or Deferred fails:
``captureRejection(error, name, *args)``. See `EventEmitter.captureRejection`."""

MISSING: Final[Any] = Symbol("left out")
"""Stands for an argument that was left out where ``None`` is a value."""
