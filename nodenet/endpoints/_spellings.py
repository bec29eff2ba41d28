"""How endpoint strings spell what tells one endpoint from another: ports and paths.

Law: ``parse(format(value), name) == value``, as for every `Spelling`.
"""

from __future__ import annotations

from typing import Final

from nodenet.options import NUMBER, Spelling, checkPort

_LONGEST_PATH: Final = 107  # bytes: sun_path, less the closing NUL


def _port(text: str, name: str) -> int:
    return checkPort(NUMBER.parse(text, name), name)


def path(text: str, name: str) -> str:
    """A path as endpoint strings have it: an abstract name begins with ``@``."""
    if text in ("", "@") or "\0" in text:
        raise ValueError(f"{name} must be that of a Unix socket, or '@' and an abstract name")
    if len(text.encode(errors="surrogateescape")) > _LONGEST_PATH:
        raise ValueError(f"{name} may have {_LONGEST_PATH} bytes, as Unix sockets have it")
    return text


def _mode(text: str, name: str) -> int:
    if not text or set(text) - set("01234567") or int(text, 8) > 0o777:
        raise ValueError(f"{name} must be octal digits such as 660, not {text!r}")
    return int(text, 8)


def _host(text: str, name: str) -> str:
    if not text:
        raise ValueError(f"{name} must be a name or an address")
    return text


def _natural(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{name} must be a number, 0 or more, not {text!r}")
    return int(text)


def _type(text: str, name: str) -> str:
    if text not in ("udp4", "udp6"):
        raise ValueError(f"{name} must be udp4 or udp6, not {text!r}")
    return text


HOST: Final = Spelling(_host, str)
PORT: Final = Spelling(_port, str)
PATH: Final = Spelling(path, str)
NATURAL: Final = Spelling(_natural, str)
TYPE: Final = Spelling(_type, str)
MODE: Final = Spelling(_mode, "{:03o}".format)
