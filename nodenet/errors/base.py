"""What every error of nodenet has: a code, a name and a message, all three Node's own.

Law: ``str(error) == error.message``, and pickling or copying an error keeps every attribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, ClassVar

_PRIMITIVES = (bool, int, float, complex, str)
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, type)
_LONGEST_STRING = 28
_LONGEST_VALUE = 128
_MOST_BITS = 1024
"""A longer integer is shown in hexadecimal: from some length on Python refuses decimals."""


class NodeError(Exception):
    """An error as Node.js describes it.

    Attributes:
        code: Node's stable identifier, such as ``'ERR_SOCKET_BAD_PORT'`` or ``'ECONNREFUSED'``.
        message: Node's text; what ``str()`` gives.
    """

    code: str
    message: str
    named: ClassVar[str | None] = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.__name__.startswith("ERR_"):
            cls.code = cls.__name__

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args), self.__dict__

    @property
    def name(self) -> str:
        """The name of Node's error class: ``'TypeError'``, ``'RangeError'``, ``'Error'``, …"""
        if self.named is not None:
            return self.named
        if isinstance(self, TypeError):
            return "TypeError"
        return "RangeError" if isinstance(self, ValueError) else "Error"


def _revive(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """Make an unpickled error without its constructor, whose arguments are not kept."""
    return cls.__new__(cls, *args)


def describe(value: object) -> str:
    """Say what a value is, in the form of Node's ``Received …`` and in Python's terms.

    Args:
        value: Anything.

    Returns:
        ``'None'``, ``"type str ('abc')"``, ``'function name'`` or ``'an instance of Foo'``.
    """
    if value is None:
        return "None"
    if isinstance(value, _FUNCTIONS):
        return f"function {value.__name__}"
    if isinstance(value, _PRIMITIVES):
        if isinstance(value, str) and len(value) > _LONGEST_STRING:
            value = value[: _LONGEST_STRING - 3] + "..."
        return f"type {type(value).__name__} ({inspect(value)})"
    return f"an instance of {type(value).__name__}"


def inspect(value: object) -> str:
    """Return ``repr(value)``, cut where Node cuts it."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        text = hex(value)
    else:
        text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."


def joined(words: Sequence[str], last: str) -> str:
    """Join words as English lists them: ``a``, ``a or b``, ``a, b, or c``."""
    if len(words) <= 2:
        return f" {last} ".join(words)
    return f"{', '.join(words[:-1])}, {last} {words[-1]}"


def argument(name: str) -> str:
    """Name an argument or, when it has a dot, a property: ``The "port" argument``."""
    if name.endswith(" argument"):
        return f"The {name}"
    return f'The "{name}" {"property" if "." in name else "argument"}'


_TYPES = frozenset(
    ("string", "function", "number", "object", "Function", "Object", "boolean", "bigint", "symbol")
)
_isClass: Callable[[str], object] = re.compile(r"([A-Z][a-z0-9]*)+").fullmatch


def expectation(expected: str | Sequence[str]) -> str:
    """Word the types that an argument may have: ``of type string or an instance of Buffer``.

    Args:
        expected: Node's names of primitive types, of classes, or free phrases, in any mixture.
    """
    names = [expected] if isinstance(expected, str) else list(expected)
    types = [name.lower() for name in names if name in _TYPES]
    classes = [name for name in names if name not in _TYPES and _isClass(name)]
    phrases = [name for name in names if name not in _TYPES and not _isClass(name)]
    if classes and "object" in types:
        types.remove("object")
        classes.append("Object")
    parts = []
    if types:
        parts.append(f"{'one of type' if len(types) > 1 else 'of type'} {joined(types, 'or')}")
    if classes:
        parts.append(f"an instance of {joined(classes, 'or')}")
    if len(phrases) > 1:
        parts.append(f"one of {joined(phrases, 'or')}")
    elif phrases:
        article = "an " if phrases[0].lower() != phrases[0] else ""
        parts.append(article + phrases[0])
    return " or ".join(parts)
