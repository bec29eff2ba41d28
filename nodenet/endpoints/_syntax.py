r"""How an endpoint string is cut into arguments, and how one is written.

Law: for every list of arguments, ``cut(join(arguments))`` gives it back; a text that cannot be
cut raises `EndpointStringError`, which names the place, and nothing else.

The syntax is Twisted's: a prefix and arguments between colons, ``name=value`` or a value alone,
and a backslash takes the next character as it stands (``\:``, ``\=``, ``\\``). Of several ``=``
in an argument the first one counts. What is no text is `ERR_INVALID_ARG_TYPE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodenet.options import checkString


class EndpointStringError(ValueError):
    """An endpoint string that means nothing.

    Attributes:
        text: The string.
        at: Where in it the trouble begins, counted from 0; None where something is missing.
        reason: What is wrong, and what would be right.
    """

    def __init__(self, text: str, at: int | None, reason: str) -> None:
        place = "" if at is None else f" at character {at + 1}"
        super().__init__(f"{text!r}{place}: {reason}")
        self.text = text
        self.at = at
        self.reason = reason


@dataclass(frozen=True)
class Argument:
    """One argument: `value` alone, or ``name=value``; `at` is the value's place in the text."""

    value: str
    name: str | None = None
    at: int = 0
    nameAt: int = 0


@dataclass(frozen=True)
class Description:
    """An endpoint string, cut."""

    text: str
    prefix: str
    arguments: tuple[Argument, ...]

    def fail(self, at: int | None, reason: str) -> EndpointStringError:
        """The error to raise about this string."""
        return EndpointStringError(self.text, at, reason)


def cut(text: str) -> Description:
    """Cut `text` into its prefix and arguments.

    Raises:
        ERR_INVALID_ARG_TYPE: It is no text.
        EndpointStringError: It ends in a lone backslash, or there is no prefix.
    """
    arguments = tuple(_arguments(checkString(text, "text")))
    prefix = arguments[0]
    if prefix.name is not None or not prefix.value:
        raise EndpointStringError(
            text, 0, "it must begin with its kind and a colon, as 'tcp:8124' does"
        )
    return Description(text, prefix.value, arguments[1:])


def join(prefix: str, arguments: Iterable[tuple[str | None, str]]) -> str:
    """Write an endpoint string.

    Args:
        prefix: What it begins with, without the colon.
        arguments: Each is ``(name or None, value)``.

    Returns:
        The string, with everything in it escaped that has to be.
    """
    written = [quote(prefix)]
    for name, value in arguments:
        written.append(quote(value) if name is None else f"{quote(name)}={quote(value)}")
    return ":".join(written)


def quote(value: str) -> str:
    r"""Escape `value` so that it stands for itself anywhere in an endpoint string.

    Unlike :func:`twisted.internet.endpoints.quoteStringArgument` it escapes ``=`` too:
    ``unix:/a=b`` is an argument named ``/a``.

    >>> print("tcp:8124:interface=" + quote("::1"))
    tcp:8124:interface=\:\:1

    Raises:
        ERR_INVALID_ARG_TYPE: It is no text.
    """
    checkString(value, "value")
    for special in "\\:=":
        value = value.replace(special, "\\" + special)
    return value


def _arguments(text: str) -> Iterable[Argument]:
    start = at = index = 0
    name: str | None = None
    value = ""
    while index < len(text):
        char = text[index]
        if char == ":":
            yield Argument(value, name, at, start)
            name, value = None, ""
            start = at = index + 1
        elif char == "=" and name is None:
            name, value, at = value, "", index + 1
        elif char == "\\":
            index += 1
            if index == len(text):
                raise EndpointStringError(
                    text, index - 1, "nothing follows the backslash; write '\\\\' for one"
                )
            value += text[index]
        else:
            value += char
        index += 1
    yield Argument(value, name, at, start)
