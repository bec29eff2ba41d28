"""What a program gives a service in code, where no command line has checked it.

Law: what is of the wrong type is an `ERR_INVALID_ARG_TYPE` that names the argument, before the
service is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.options import checkNumber

_T = TypeVar("_T")


def listOf(value: Iterable[_T], name: str) -> list[_T]:
    """Take several; text is one, and not its letters."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ERR_INVALID_ARG_TYPE(name, "Array", value)
    return list(value)


def secondsOf(value: float, name: str) -> float:
    """Take a number of seconds; whether it is a sensible one is for others to say."""
    checkNumber(value, name)
    return value
