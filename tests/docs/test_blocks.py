"""The Python in the documentation runs: the blocks of a page, in their order, as one program.

A block that begins with ``def test_`` or sets ``pytest_plugins`` belongs into a file of its own
and is only compiled.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.rst"))
BLOCK = re.compile(r"^( *)\.\. code-block:: python\n\n((?:\1 +.*\n|\n)+)", re.MULTILINE)
APART = re.compile(r"^(def test_|pytest_plugins)", re.MULTILINE)


def blocks(page: Path) -> Iterator[str]:
    """The blocks of a page, each moved down to its line."""
    text = page.read_text(encoding="utf-8") + "\n"
    for found in BLOCK.finditer(text):
        yield "\n" * text.count("\n", 0, found.start(2)) + textwrap.dedent(found[2])


WITH_BLOCKS = [page for page in PAGES if any(blocks(page))]


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
async def test_the_blocks_of_a_page_run(page: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page):
        code: CodeType = compile(block, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if APART.search(block):
            continue
        result = eval(code, names)
        if code.co_flags & CO_COROUTINE:
            await result
