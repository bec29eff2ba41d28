"""A scenario's values as text, the same for both sides of an oracle test, and its tracer.

Law: `encode` gives a Python value the form in which `oracle_prelude.js` writes a JavaScript one;
`render` alone makes text of that. What each value becomes, `oracle.py` says.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

_FIELDS = ("code", "message", "syscall", "address", "port", "path", "hostname", "cause")
_NAMES = {TypeError: "TypeError", ValueError: "RangeError"}


class Tracer:
    """A scenario's `t`, on the Python side."""

    def __init__(self, directory: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self._directory = directory

    def __call__(self, label: str, *values: object) -> None:
        self.lines.append({"label": label, "values": [encode(value) for value in values]})

    def port(self, port: int) -> int:
        """Show `port` by its place of mention, for it differs from run to run."""
        self.lines.append({"port": port})
        return port

    def path(self, name: str) -> str:
        """A path for a Unix socket, short enough for one; removed at the end."""
        return os.path.join(self._directory, name)


def encode(value: object) -> Any:
    """A Python value in the form in which `oracle_prelude.js` writes a JavaScript one."""
    match value:
        case None | bool() | str():
            return value
        case int() | float():
            return _number(value)
        case bytes() | bytearray() | memoryview():
            return {"$": "bytes", "hex": bytes(value).hex()}
        case BaseException():
            return _error(value)
        case Mapping():
            return _object(value)
        case tuple() if hasattr(value, "_asdict"):
            return _object(value._asdict())
        case list() | tuple():
            return [encode(inner) for inner in value]
        case Deferred():
            return _plain("<Promise>")
        case _ if callable(value):
            return _plain("<function>")
        case _:
            return _plain(f"<{type(value).__name__}>")


def _number(value: float) -> Any:
    if math.isfinite(value):
        return value
    return _plain({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)])


def _plain(text: str) -> dict[str, str]:
    return {"$": "plain", "text": text}


def _object(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {"$": "object", "entries": [[key, encode(inner)] for key, inner in value.items()]}


def _error(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    ours = kind.__module__ != "builtins" and hasattr(kind, "name")
    builtin = next((name for base, name in _NAMES.items() if isinstance(error, base)), "Error")
    encoded = {"$": "error", "name": getattr(error, "name", builtin) if ours else builtin}
    encoded |= {field: encode(getattr(error, field, None)) for field in _FIELDS}
    if encoded["message"] is None:
        encoded["message"] = str(error)
    if hasattr(error, "errors"):
        encoded["errors"] = [encode(inner) for inner in error.errors]
    return encoded


def render(value: Any) -> str:
    """An encoded value as text."""
    match value:
        case {"$": "plain", "text": text}:
            return str(text)
        case {"$": "bytes", "hex": digits}:
            return repr(bytes.fromhex(digits))
        case {"$": "error", **fields}:
            return f"Error({', '.join(_pairs('{}={}', fields.items()))})"
        case {"$": "object", "entries": entries}:
            return f"{{{', '.join(_pairs('{!r}: {}', sorted(entries)))}}}"
        case list():
            return f"[{', '.join(map(render, value))}]"
        case float() if value.is_integer():
            return str(int(value))
        case str():
            return repr(re.sub(r"\bReceived .*", "Received ...", value, flags=re.DOTALL))
        case _:
            return repr(value)


def _pairs(form: str, items: Any) -> list[str]:
    return [form.format(key, render(value)) for key, value in items if value is not None]
