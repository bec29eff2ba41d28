"""The reference has every public name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.modules import MODULES, names

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
DIRECTIVE = re.compile(r"^\.\. (?:auto\w+|nodenet-options|py:data):: ([\w.]+)", re.MULTILINE)
LITERAL = re.compile(r"`+([\w.]+)`+")
TABLE = "nodenet-errors::"


def told(text: str) -> set[str]:
    """The names, without their modules, that pages speak of."""
    return {name.rpartition(".")[2] for name in DIRECTIVE.findall(text) + LITERAL.findall(text)}


@pytest.mark.parametrize("module", MODULES)
def test_it_has_every_public_name(module: str) -> None:
    everything = "".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.rst"))
    index = (REFERENCE / "index.rst").read_text(encoding="utf-8")
    name = module.rpartition(".")[2]
    # What is in `nodenet` itself is told where it comes from.
    page = everything if module == "nodenet" else (REFERENCE / f"{name}.rst").read_text("utf-8")
    assert module == "nodenet" or f"\n   {name}\n" in index
    if f".. automodule:: {module}\n   :members:" in page:
        return
    known = told(page) | {name.rpartition(".")[2] for name in DIRECTIVE.findall(everything)}
    if TABLE in page:
        known |= {name for name in names(module) if name.startswith("ERR_")}
    assert [name for name in names(module) if name not in known] == []
