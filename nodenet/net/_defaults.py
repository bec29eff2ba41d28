"""How connecting chooses among the addresses of a host, unless a call says otherwise.

Law: these are the process's two defaults; they start with what the environment says
(``NODENET_AUTO_SELECT_FAMILY``, ``NODENET_AUTO_SELECT_FAMILY_ATTEMPT_TIMEOUT``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from nodenet.errors import emitWarning
from nodenet.options import checkBoolean, checkInt32

AutoSelectFamily = bool | Literal["race"]
"""Whether all addresses are tried; ``'race'``: overlapping, as RFC 8305 means it."""

SHORTEST_TIMEOUT = 10
"""Milliseconds that an attempt has at least."""

_FAMILY_VARIABLE = "NODENET_AUTO_SELECT_FAMILY"
_TIMEOUT_VARIABLE = "NODENET_AUTO_SELECT_FAMILY_ATTEMPT_TIMEOUT"
_WORDS: dict[str, AutoSelectFamily] = {
    "1": True,
    "true": True,
    "0": False,
    "false": False,
    "race": "race",
}


def checkAutoSelectFamily(value: object, name: str) -> AutoSelectFamily:
    """Take ``True``, ``False`` or ``'race'``."""
    return "race" if value == "race" else checkBoolean(value, name)


def checkAttemptTimeout(value: object, name: str) -> int:
    """Take a positive number of milliseconds; what is shorter than the shortest becomes it."""
    return max(checkInt32(value, name, 1), SHORTEST_TIMEOUT)


def getDefaultAutoSelectFamily() -> AutoSelectFamily:
    """Return the default of the option ``autoSelectFamily`` (``net.getDefaultAutoSelectFamily``).

    It is ``True`` at first, unless ``NODENET_AUTO_SELECT_FAMILY`` is ``0``, ``false`` or ``race``.
    """
    return _defaults.family


def setDefaultAutoSelectFamily(value: AutoSelectFamily) -> None:
    """Set the default of the option ``autoSelectFamily`` (``net.setDefaultAutoSelectFamily``).

    Args:
        value: ``True``, ``False``, or ``'race'``, which is not in Node.

    Raises:
        ERR_INVALID_ARG_TYPE: `value` is something else.
    """
    _defaults.family = checkAutoSelectFamily(value, "value")


def getDefaultAutoSelectFamilyAttemptTimeout() -> int:
    """Return the default of the option ``autoSelectFamilyAttemptTimeout``, in milliseconds.

    Mirrors ``net.getDefaultAutoSelectFamilyAttemptTimeout``. It is 250 at first, unless
    ``NODENET_AUTO_SELECT_FAMILY_ATTEMPT_TIMEOUT`` is another number.
    """
    return _defaults.timeout


def setDefaultAutoSelectFamilyAttemptTimeout(value: int) -> None:
    """Set the default of the option ``autoSelectFamilyAttemptTimeout``.

    Mirrors ``net.setDefaultAutoSelectFamilyAttemptTimeout``.

    Args:
        value: Milliseconds, 1 to 2,147,483,647; fewer than 10 become 10.

    Raises:
        ERR_INVALID_ARG_TYPE: `value` is no number.
        ERR_OUT_OF_RANGE: `value` is no integer, or out of range.
    """
    _defaults.timeout = checkAttemptTimeout(value, "value")


class Defaults:
    """The two defaults.

    Args:
        environment: The environment variables. What cannot be read is warned of and left alone.
    """

    family: AutoSelectFamily = True
    timeout: int = 250

    def __init__(self, environment: Mapping[str, str]) -> None:
        word = environment.get(_FAMILY_VARIABLE)
        if word is not None:
            if word.lower() in _WORDS:
                self.family = _WORDS[word.lower()]
            else:
                _warn(_FAMILY_VARIABLE, word, "1, 0 or race")
        number = environment.get(_TIMEOUT_VARIABLE)
        if number is not None:
            if number.isascii() and number.isdigit() and 0 < int(number[:11]) < 1 << 31:
                self.timeout = checkAttemptTimeout(int(number), _TIMEOUT_VARIABLE)
            else:
                _warn(_TIMEOUT_VARIABLE, number, "a positive number of milliseconds")


def _warn(variable: str, value: str, expected: str) -> None:
    emitWarning(f"{variable} must be {expected}; {value!r} is ignored")


_defaults = Defaults(os.environ)
