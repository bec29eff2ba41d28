"""Options, each declared once.

Law: what is known about an option stands in its declaration and nowhere else. From there come the
keyword arguments, the options mapping, the endpoint-string arguments, the reference table and the
error of a bad value.

A function's options are a ``TypedDict`` whose fields are annotated with an `Option`::

    class ServerOptions(TypedDict, total=False):
        backlog: Annotated[int, Option(default=511, check=checkInt32, doc="How many wait.")]

The annotations are evaluated, so the names in them must be importable when the program runs.
"""

from __future__ import annotations

import socket
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.options.spelling import Spelling


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """What there is to know about one option.

    Args:
        default: The value when it is not given.
        check: ``check(value, name)`` returns the value to use, or raises Node's error.
        doc: One line for the reference table.
        string: How an endpoint string writes it; ``None`` when it cannot.
        spelled: Its name in an endpoint string when that is not its own.
        apply: ``apply(socket, value)`` sets it on a socket.
        node: Whether Node has it; nodenet's own are marked in the reference.

    Attributes:
        name: Its name, and `type` the text of its type; `declarations` fills them in.
    """

    default: Any = None
    check: Callable[[Any, str], Any] | None = None
    doc: str = ""
    string: Spelling | None = None
    spelled: str | None = None
    apply: Callable[[socket.socket, Any], object] | None = None
    node: bool = True
    name: str = ""
    type: str = ""

    @property
    def written(self) -> str:
        """Its name in an endpoint string."""
        return self.spelled or self.name


class Reference(NamedTuple):
    """One row of the reference table of options."""

    name: str
    type: str
    default: str
    doc: str
    string: str
    node: bool


@cache
def declarations(declaration: type) -> Mapping[str, Option]:
    """Return the options that a ``TypedDict`` declares, by name, those it inherits first.

    Raises:
        TypeError: A field has no `Option`.
    """
    found = {}
    for name, hint in get_type_hints(declaration, include_extras=True).items():
        option = next((one for one in get_args(hint)[1:] if isinstance(one, Option)), None)
        if get_origin(hint) is not Annotated or option is None:
            raise TypeError(f"{declaration.__name__}.{name} is not declared with an Option")
        found[name] = replace(option, name=name, type=_typeText(get_args(hint)[0]))
    return types.MappingProxyType(found)


def resolve(
    declaration: type,
    options: Mapping[str, Any] | None,
    keywords: Mapping[str, Any],
    prefix: str = "options",
) -> dict[str, Any]:
    """Put together what was given and what was left out, checked.

    Args:
        declaration: The ``TypedDict`` of the options.
        options: The options mapping; what it holds beyond the declared is ignored, as in Node.
            ``None`` in place of a value counts as not given.
        keywords: The keyword arguments; they prevail.
        prefix: What an error calls the mapping.

    Returns:
        A value for every declared option.

    Raises:
        TypeError: A keyword is not declared.
        ERR_INVALID_ARG_TYPE: `options` is no mapping; and whatever the checks raise.
    """
    declared = declarations(declaration)
    if options is None:
        options = {}
    elif not isinstance(options, Mapping):
        raise ERR_INVALID_ARG_TYPE(prefix, "Object", options)
    for name in keywords:
        if name not in declared:
            raise TypeError(f"{name!r} is no option of {declaration.__name__}")
    resolved = {}
    for name, option in declared.items():
        value = keywords.get(name)
        if value is None:
            value = options.get(name)
        if value is None:
            value = option.default
        elif option.check is not None:
            value = option.check(value, f"{prefix}.{name}")
        resolved[name] = value
    return resolved


def applyOptions(declaration: type, values: Mapping[str, Any], skt: socket.socket) -> None:
    """Set on a socket those options that act on one and differ from their default.

    Raises:
        OSError: The system refused.
    """
    for name, option in declarations(declaration).items():
        if option.apply is not None and values[name] != option.default:
            option.apply(skt, values[name])


def reference(declaration: type) -> list[Reference]:
    """Return the rows of the reference table of a declaration."""
    return [
        Reference(
            option.name,
            option.type,
            "" if option.default is None else repr(option.default),
            option.doc,
            option.written if option.string else "",
            option.node,
        )
        for option in declarations(declaration).values()
    ]


def _typeText(hint: Any) -> str:
    if isinstance(hint, type) and get_origin(hint) is None:
        return hint.__name__
    text = str(hint).replace("NoneType", "None")
    for module in ("typing.", "collections.abc."):
        text = text.replace(module, "")
    return text
