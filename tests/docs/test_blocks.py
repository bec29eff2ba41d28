"""The Python in the documentation runs: the blocks of a page, in their order, as one program.

A block that has tests, or sets ``pytest_plugins``, is a file of its own and is run by pytest; one
with trial's tests by trial.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
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
TESTS = re.compile(r"^(async )?def test_", re.MULTILINE)
CONFTEST = re.compile(r"^pytest_plugins", re.MULTILINE)
TRIAL = re.compile(r"^from twisted.trial", re.MULTILINE)
# Old ones' ``-m twisted.trial`` needs setuptools.
RUN_TRIAL = "from twisted.scripts.trial import run; run()"


def blocks(page: Path) -> Iterator[str]:
    """The blocks of a page, each moved down to its line."""
    text = page.read_text(encoding="utf-8") + "\n"
    for found in BLOCK.finditer(text):
        yield "\n" * text.count("\n", 0, found.start(2)) + textwrap.dedent(found[2])


def isApart(block: str) -> bool:
    return any(kind.search(block) for kind in (TESTS, CONFTEST, TRIAL))


WITH_BLOCKS = [page for page in PAGES if any(blocks(page))]
WITH_TESTS = [page for page in PAGES if any(isApart(block) for block in blocks(page))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name)
async def test_the_blocks_of_a_page_run(page: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page):
        if isApart(block):
            continue
        code: CodeType = compile(block, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if code.co_flags & CO_COROUTINE:
            await result


@pytest.mark.parametrize("page", WITH_TESTS, ids=name)
def test_the_tests_of_a_page_pass(page: Path, tmp_path: Path) -> None:
    for index, block in enumerate(blocks(page)):
        if CONFTEST.search(block):
            (tmp_path / "conftest.py").write_text(block)
        elif TRIAL.search(block):
            (tmp_path / f"trial_{index}.py").write_text(block)
        elif TESTS.search(block):
            (tmp_path / f"test_{index}.py").write_text(block)
    commands = [["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]]
    commands += [["-c", RUN_TRIAL, str(file)] for file in tmp_path.glob("trial_*.py")]
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command],
            check=False,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout
