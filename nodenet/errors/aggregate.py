"""Several errors as one.

Law: an `AggregateError` is never empty, and its code is the code of its first error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from twisted.internet.error import ConnectError


class AggregateError(ExceptionGroup[Exception], ConnectError):
    """Every attempt of several failed.

    ``except*`` takes it apart; ``except ConnectError``, as Twisted programs write it, catches it
    whole.

    Args:
        errors: What went wrong, in order; at least one.
        message: Empty, as Node leaves it, unless there is more to say.
    """

    name = "AggregateError"
    osError: Any = None

    def __new__(cls, errors: Sequence[Exception], message: str = "") -> Self:
        return super().__new__(cls, message, errors)

    def __init__(self, errors: Sequence[Exception], message: str = "") -> None:
        """Leave everything to ``__new__``, as exception groups do."""

    def __str__(self) -> str:
        return self.message or "; ".join(str(error) for error in self.exceptions)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errors, self.message), self.__dict__ or None

    def derive(self, errors: Sequence[Exception]) -> AggregateError:  # type: ignore[override]
        """Make the group that holds a part of these errors, for ``except*``."""
        return AggregateError(errors, self.message)

    @property
    def errors(self) -> list[Exception]:
        """The errors, in the order in which they happened."""
        return list(self.exceptions)

    @property
    def code(self) -> str | None:
        """The code of the first error."""
        return getattr(self.exceptions[0], "code", None)
