"""How values are written in endpoint strings.

Law: ``parse(format(value), name) == value`` for every value that an option accepts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from nodenet.options.checks import checkPort, toNumber

_WORDS = {"1": True, "yes": True, "true": True, "on": True}
_WORDS |= {"0": False, "no": False, "false": False, "off": False}
_LONGEST_PATH: Final = 107  # bytes: sun_path, less the closing NUL


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


def _natural(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{name} must be a number, 0 or more, not {text!r}")
    return int(text)


def _port(text: str, name: str) -> int:
    return checkPort(_number(text, name), name)


def _host(text: str, name: str) -> str:
    if not text:
        raise ValueError(f"{name} must be a name or an address")
    return text


def _mode(text: str, name: str) -> int:
    if not text or set(text) - set("01234567") or int(text, 8) > 0o777:
        raise ValueError(f"{name} must be octal digits such as 660, not {text!r}")
    return int(text, 8)


def _socket_path(text: str, name: str) -> str:
    if text in ("", "@") or "\0" in text:
        raise ValueError(f"{name} must be that of a Unix socket, or '@' and an abstract name")
    if len(text.encode(errors="surrogateescape")) > _LONGEST_PATH:
        raise ValueError(f"{name} may have {_LONGEST_PATH} bytes, as Unix sockets have it")
    return text


def choice(*words: str) -> Spelling:
    """A spelling of values that are one of some words."""

    def parse(text: str, name: str) -> str:
        if text not in words:
            raise ValueError(f"{name} must be {_either(words)}, not {text!r}")
        return text

    return Spelling(parse, str)


def booleanOr(*words: str) -> Spelling:
    """A spelling of values that are ``True``, ``False`` or one of some words."""

    def parse(text: str, name: str) -> bool | str:
        value = text if text in words else _WORDS.get(text.lower())
        if value is None:
            raise ValueError(f"{name} must be {_either(('yes', 'no', *words))}, not {text!r}")
        return value

    return Spelling(parse, lambda value: value if value in words else BOOLEAN.format(value))


def flags(**bits: int) -> Spelling:
    """A spelling of numbers that are sums of named bits, ``A,B``; the rest is written as digits."""

    def parse(text: str, name: str) -> int:
        total = 0
        for word in text.split(","):
            if word not in bits and not (word.isascii() and word.isdigit() and len(word) < 11):
                raise ValueError(
                    f"{name} must be {_either(tuple(bits))}, or several (,), not {text!r}"
                )
            total |= bits[word] if word in bits else int(word)
        return total

    def write(value: int) -> str:
        words = [word for word, bit in bits.items() if value & bit == bit]
        rest = value & ~sum(bits.values())
        return ",".join(words + ([str(rest)] if rest or not words else []))

    return Spelling(parse, write)


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


BOOLEAN: Final = Spelling(_boolean, lambda value: "yes" if value else "no")
NUMBER: Final = Spelling(_number, lambda value: repr(value).replace("inf", "Infinity"))
NATURAL: Final = Spelling(_natural, str)
TEXT: Final = Spelling(_text, str)
PORT: Final = Spelling(_port, str)
HOST: Final = Spelling(_host, str)
MODE: Final = Spelling(_mode, "{:03o}".format)
#: The path of a Unix socket; an abstract name begins with ``@``.
SOCKET_PATH: Final = Spelling(_socket_path, str)
