"""How values are written in endpoint strings.

Law: ``parse(format(value), name) == value`` for every value that an option accepts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from nodenet.options.checks import toNumber

_WORDS = {"1": True, "yes": True, "true": True, "on": True}
_WORDS |= {"0": False, "no": False, "false": False, "off": False}


class Spelling(NamedTuple):
    """How one kind of value is written.

    Attributes:
        parse: ``parse(text, name)`` returns the value, or raises a ``ValueError`` that says what
            would be right.
        format: ``format(value)`` returns the text.
    """

    parse: Callable[[str, str], Any]
    format: Callable[[Any], str]


def _boolean(text: str, name: str) -> bool:
    value = _WORDS.get(text.lower())
    if value is None:
        raise ValueError(f"{name} must be yes or no, not {text!r}")
    return value


def _number(text: str, name: str) -> float:
    number = toNumber(text) if text else math.nan
    if math.isnan(number):
        raise ValueError(f"{name} must be a number, not {text!r}")
    return int(number) if number.is_integer() else number


def _text(text: str, name: str) -> str:
    return text


BOOLEAN = Spelling(_boolean, lambda value: "yes" if value else "no")
NUMBER = Spelling(_number, lambda value: repr(value).replace("inf", "Infinity"))
TEXT = Spelling(_text, str)
