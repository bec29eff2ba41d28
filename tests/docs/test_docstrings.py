"""Every public member says what it does, and what its arguments are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from docs.modules import MODULES, names
from zope.interface.interface import InterfaceClass

ELSEWHERE = re.compile(
    r"\b(as|see|do(es)?|of|like|back) (what )?(the |one of )?:?(class|func|meth)?:?`", re.IGNORECASE
)
"""What sends the reader on to another member."""

Member = tuple[str, Any]


def members(module: str) -> Iterator[Member]:
    """The functions, classes, methods and properties of a module, with their names."""
    found = import_module(module)
    for name in names(module):
        member = getattr(found, name)
        if isinstance(member, InterfaceClass):
            yield f"{module}.{name}", member
        elif inspect.isclass(member) and member.__module__.startswith("nodenet"):
            yield f"{module}.{name}", member
            yield from methods(f"{module}.{name}", member)
        elif inspect.isfunction(member) or inspect.ismethod(member):
            yield f"{module}.{name}", member


def methods(owner: str, cls: type) -> Iterator[Member]:
    for name, member in inspect.getmembers(cls):
        ours = getattr(definer(cls, name), "__module__", "").startswith("nodenet")
        if ours and not name.startswith("_") and (callable(member) or isinstance(member, property)):
            yield f"{owner}.{name}", member


def definer(cls: type, name: str) -> type | None:
    return next((base for base in cls.__mro__ if name in vars(base)), None)


def text(member: Any) -> str:
    """Its docstring, perhaps inherited."""
    return inspect.getdoc(member) or ""


def parameters(member: Any) -> list[str]:
    try:
        return [name for name in inspect.signature(member).parameters if name != "self"]
    except (TypeError, ValueError):
        return []  # of C's, or one that cannot be called


def unexplained(member: Any) -> list[str]:
    """The arguments that a docstring says nothing of.

    They are below ``Args:``, or named in a sentence, or those of another member that it names.
    """
    said = text(member)
    if inspect.isclass(member) or isinstance(member, property | InterfaceClass):
        return []
    if ELSEWHERE.search(said):
        return []
    return [name for name in parameters(member) if not re.search(rf"\b{name}\b", said)]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_member_has_a_docstring(module: str) -> None:
    assert list(members(module))
    assert [name for name, member in members(module) if not text(member)] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_argument_is_explained(module: str) -> None:
    missing = {name: unexplained(member) for name, member in members(module)}
    assert {name: arguments for name, arguments in missing.items() if arguments} == {}


@pytest.mark.parametrize("module", MODULES)
def test_sections_are_written_in_one_way(module: str) -> None:
    """Google's, which the reference is made of."""
    odd = re.compile(r"^ *(:param|:return|:rtype|:raises|Arguments:|Parameters:|Return:)", re.M)
    assert [name for name, member in members(module) if odd.search(text(member))] == []
