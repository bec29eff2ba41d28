"""The reference has every public name."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
DIRECTIVE = re.compile(r"^\.\. (?:auto\w+|nodenet-options|py:data):: ([\w.]+)", re.MULTILINE)
LITERAL = re.compile(r"`+([\w.]+)`+")
TABLE = "nodenet-errors::"

MODULES = [
    "nodenet.abort",
    "nodenet.addresses",
    "nodenet.cluster",
    "nodenet.dgram",
    "nodenet.dns",
    "nodenet.endpoints",
    "nodenet.errors",
    "nodenet.events",
    "nodenet.loop",
    "nodenet.net",
    "nodenet.services",
    "nodenet.streams",
    "nodenet.testing",
]


def told(text: str) -> set[str]:
    """The names, without their modules, that pages speak of."""
    return {name.rpartition(".")[2] for name in DIRECTIVE.findall(text) + LITERAL.findall(text)}


@pytest.mark.parametrize("module", MODULES)
def test_it_has_every_public_name(module: str) -> None:
    everything = "".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.rst"))
    page = (REFERENCE / f"{module.rpartition('.')[2]}.rst").read_text(encoding="utf-8")
    known = told(page) | {name.rpartition(".")[2] for name in DIRECTIVE.findall(everything)}
    if TABLE in page:
        known |= {name for name in import_module(module).__all__ if name.startswith("ERR_")}
    if f".. automodule:: {module}\n   :members:" in page:
        return
    assert [name for name in import_module(module).__all__ if name not in known] == []
