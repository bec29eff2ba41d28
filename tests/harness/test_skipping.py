"""What asks Node is skipped nowhere without a word, and not at all where everything has to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROGRAM = """
import pytest

@pytest.mark.oracle
@pytest.mark.skipif(True, reason="there is no such tool")
def test_judged_by_its_mark():
    pass

def test_judged_by_its_fixture(node):
    pytest.skip("the kernel refuses")

def test_that_asks_nobody():
    pytest.skip("not on this system")
"""


@pytest.mark.parametrize(
    ("ci", "summary"), [("", "3 skipped"), ("true", "1 failed, 1 skipped, 1 error")]
)
def test_only_who_asks_nobody_is_skipped_in_ci(
    node: Path, tmp_path: Path, ci: str, summary: str
) -> None:
    (tmp_path / "test_it.py").write_text(PROGRAM)
    plugins = ["-p", "conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "-o", "markers=oracle", "test_it.py"],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "NODENET_NODE": str(node), "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert summary in done.stdout
    assert ("skipped, and CI is set" in done.stdout) == bool(ci)
