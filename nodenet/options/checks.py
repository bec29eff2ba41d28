"""Checks of single values, with Node's verdicts and messages.

Law: a check returns the value in the form in which it is used, or raises the error that Node
raises; ``check(value, name)`` is all that an `Option` needs (`functools.partial` gives the rest).

``True`` and ``False`` are no numbers here, as in JavaScript; ``80.0`` is an integer, as there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_INVALID_ARG_VALUE,
    ERR_OUT_OF_RANGE,
    ERR_SOCKET_BAD_PORT,
)

_T = TypeVar("_T")
_AnyFunction = TypeVar("_AnyFunction", bound=Callable[..., Any])

_SAFE = 2**53 - 1
_SPACE = " \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_is_decimal = re.compile(r"[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", re.ASCII).fullmatch
_is_prefixed = re.compile(r"0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)").fullmatch


def checkBoolean(value: Any, name: str) -> bool:
    """Take ``True`` and ``False`` alone."""
    if not isinstance(value, bool):
        raise ERR_INVALID_ARG_TYPE(name, "boolean", value)
    return value


def checkString(value: Any, name: str) -> str:
    """Take a ``str``."""
    if not isinstance(value, str):
        raise ERR_INVALID_ARG_TYPE(name, "string", value)
    return value


def checkNumber(
    value: Any, name: str, minimum: float | None = None, maximum: float | None = None
) -> float:
    """Take a number, within bounds where they are given; NaN is within none."""
    if not _isNumber(value):
        raise ERR_INVALID_ARG_TYPE(name, "number", value)
    low = minimum is None or value >= minimum
    high = maximum is None or value <= maximum
    if not (low and high):
        bounds = [f">= {minimum}"] if minimum is not None else []
        bounds += [f"<= {maximum}"] if maximum is not None else []
        raise ERR_OUT_OF_RANGE(name, " && ".join(bounds), value)
    return float(value) if isinstance(value, float) else int(value)


def checkInteger(value: Any, name: str, minimum: int = -_SAFE, maximum: int = _SAFE) -> int:
    """Take an integer from `minimum` to `maximum`, by default what JavaScript holds exactly."""
    if not _isNumber(value):
        raise ERR_INVALID_ARG_TYPE(name, "number", value)
    if isinstance(value, float) and not value.is_integer():
        raise ERR_OUT_OF_RANGE(name, "an integer", value)
    if not minimum <= value <= maximum:
        raise ERR_OUT_OF_RANGE(name, f">= {minimum} && <= {maximum}", value)
    return int(value)


def checkInt32(value: Any, name: str, minimum: int = -(2**31), maximum: int = 2**31 - 1) -> int:
    """Take an integer of 32 bits with a sign."""
    return checkInteger(value, name, minimum, maximum)


def checkUint32(value: Any, name: str, positive: bool = False) -> int:
    """Take an integer of 32 bits without a sign; with `positive`, not 0."""
    return checkInteger(value, name, 1 if positive else 0, 2**32 - 1)


def checkPort(value: Any, name: str = "Port", allowZero: bool = True) -> int:
    """Take a port, 0 to 65,535, also as text that JavaScript reads as such a number.

    Raises:
        ERR_SOCKET_BAD_PORT: It is none. With `allowZero` false, the number 0 is none either.
    """
    number = math.nan
    if _isNumber(value) or (isinstance(value, str) and value.strip(_SPACE)):
        number = toNumber(value)
    zero = not allowZero and number == 0 and not isinstance(value, str)
    if not 0 <= number <= 0xFFFF or not number.is_integer() or zero:
        raise ERR_SOCKET_BAD_PORT(name, value, allowZero)
    return int(number)


def checkFunction(value: _AnyFunction, name: str) -> _AnyFunction:
    """Take anything that can be called."""
    if not callable(value):
        raise ERR_INVALID_ARG_TYPE(name, "Function", value)
    return value


def checkObject(value: _T, name: str, allowArray: bool = False, allowFunction: bool = False) -> _T:
    """Take what JavaScript has as an object: no number, text, boolean or ``None``."""
    refused = (
        value is None
        or isinstance(value, bool | int | float | complex | str)
        or (isinstance(value, list | tuple) and not hasattr(value, "_asdict") and not allowArray)
        or (callable(value) and not allowFunction)
    )
    if refused:
        raise ERR_INVALID_ARG_TYPE(name, "Object", value)
    return value


def checkArray(value: Any, name: str, minimumLength: int = 0) -> Sequence[Any]:
    """Take a list or a tuple of at least `minimumLength` elements."""
    if not isinstance(value, list | tuple):
        raise ERR_INVALID_ARG_TYPE(name, "Array", value)
    if len(value) < minimumLength:
        raise ERR_INVALID_ARG_VALUE(name, value, f"must be longer than {minimumLength}")
    return value


def checkBuffer(value: Any, name: str = "buffer") -> memoryview:
    """Take any bytes-like object, and return a view of it."""
    try:
        return memoryview(value)
    except TypeError:
        raise ERR_INVALID_ARG_TYPE(name, ["Buffer", "TypedArray", "DataView"], value) from None


def checkOneOf(value: object, name: str, choices: Sequence[_T]) -> _T:
    """Take one of `choices`: equal, and of the same kind (``True`` is not 1)."""
    for choice in choices:
        if value == choice and isinstance(value, bool) == isinstance(choice, bool):
            return choice
    raise ERR_INVALID_ARG_VALUE(name, value, f"must be one of: {', '.join(map(repr, choices))}")


def checkAbortSignal(value: _T, name: str) -> _T:
    """Take an `abort.AbortSignal`, or whatever else has ``aborted``; ``None`` is no signal."""
    if value is not None and not hasattr(value, "aborted"):
        raise ERR_INVALID_ARG_TYPE(name, "AbortSignal", value)
    return value


def toNumber(value: Any) -> float:
    """Read a value as JavaScript's ``Number()`` reads it.

    Args:
        value: A number, or text in decimal (``'80'``, ``'8e1'``, ``' 80 '``), hexadecimal
            (``'0x50'``), octal (``'0o120'``) or binary (``'0b1010000'``); the empty text is 0.

    Returns:
        The number; NaN for everything else.
    """
    if _isNumber(value):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if not isinstance(value, str):
        return math.nan
    text = value.strip(_SPACE)
    if _is_prefixed(text):
        return toNumber(int(text, 0))
    if _is_decimal(text):
        return float(text)
    return math.nan if text else 0.0


def _isNumber(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
