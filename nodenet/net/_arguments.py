"""The positional forms of `connect` and `listen`, sorted out once.

Law: nothing below these functions looks at the shapes of arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nodenet.options import toNumber

_LARGEST_INT = 2**31 - 1

Arguments = tuple[dict[str, Any], Callable[..., Any] | None]


def normalizeArguments(args: Sequence[Any], keywords: Mapping[str, Any]) -> Arguments:
    """Options and callback of ``(options)``, ``(path)``, ``(port[, host])``, each ``[, callback]``.

    Keywords are options too and win over those of a mapping.
    """
    options: dict[str, Any] = {}
    if args:
        first = args[0]
        if isinstance(first, Mapping):
            options.update(first)
        elif isinstance(first, str) and naturalNumber(first) is None:
            options["path"] = first
        elif first is None or callable(first) or isinstance(first, int | float | str):
            options["port"] = first
            if len(args) > 1 and isinstance(args[1], str):
                options["host"] = args[1]
    options.update(keywords)
    callback = args[-1] if args and callable(args[-1]) else None
    return options, callback


def seconds(milliseconds: Any) -> int:
    """Whole seconds, as the kernel's ``int``, of a delay in milliseconds; 0 for what is none."""
    number = toNumber(milliseconds)
    if not math.isfinite(number):
        return 0
    return max(-_LARGEST_INT, min(int(number / 1000), _LARGEST_INT))


def naturalNumber(value: Any) -> float | None:
    """`value` as JavaScript's Number() reads it, or None where that is negative or no number."""
    number = toNumber(value)
    return number if number >= 0 else None
