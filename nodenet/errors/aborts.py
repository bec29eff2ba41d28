"""What an aborted operation fails with.

Law: the operation fails with `AbortError`; the signal's own reason, unless it was given
one, is a `DOMException`, and the first carries the second as its cause. This is Node's distinction.
"""

from __future__ import annotations

from typing import Any

from nodenet.errors.base import NodeError

_CODES = {
    "NotSupportedError": 9,
    "InvalidStateError": 11,
    "AbortError": 20,
    "TimeoutError": 23,
}


class AbortError(NodeError):
    """An operation ended because its signal was aborted.

    Args:
        message: What happened.
        cause: Why, usually the signal's `reason`; an exception becomes ``__cause__`` as well.
    """

    code = "ABORT_ERR"
    named = "AbortError"

    def __init__(self, message: str = "The operation was aborted", cause: object = None) -> None:
        super().__init__(message)
        self.cause = cause
        if isinstance(cause, BaseException):
            self.__cause__ = cause

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        super().__setstate__(state)
        if isinstance(self.cause, BaseException):
            self.__cause__ = self.cause


class DOMException(Exception):
    """The reason of an aborted signal that was given none.

    Args:
        message: What happened.
        name: ``'AbortError'``, ``'TimeoutError'``, …; decides `code`.

    Attributes:
        code: The number that the DOM standard gives to `name`; 0 for a name without one.
    """

    name: str = "Error"

    def __init__(self, message: str = "", name: str = "Error") -> None:
        super().__init__(message, name)
        self.message = message
        self.name = name
        self.code = _CODES.get(name, 0)

    def __str__(self) -> str:
        return self.message
