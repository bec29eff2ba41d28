"""The sum that a run of every suite ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SUMMARY = Path(__file__).parents[2] / ".ci" / "summary.py"


def summary(path: Path, **environments: tuple[bool, str]) -> list[str]:
    records = {
        name: {"result": {"success": good, "duration": 2.0}, "test": [{"output": output}]}
        for name, (good, output) in environments.items()
    }
    path.write_text(json.dumps({"testenvs": records}), encoding="utf-8")
    return subprocess.check_output([sys.executable, SUMMARY, path], text=True).splitlines()


def test_closing_lines_of_pytest_and_trial_are_added_up(tmp_path: Path) -> None:
    lines = summary(
        tmp_path / "results.json",
        py311=(True, "...\n\x1b[32m\x1b[1m12 passed\x1b[0m, 1 skipped in 1.50s\x1b[0m\n"),
        py312=(False, "== 1 failed, 11 passed, 3 warnings, 1 error in 61.25s (0:01:01) ==\n"),
        trial=(True, "Ran 4 tests in 0.1s\n\nPASSED (skips=1, successes=3)\n"),
    )
    assert lines == [
        "       py311  passed      2 s  12 passed, 1 skipped",
        "       py312  FAILED      2 s  11 passed, 2 failed",
        "       trial  passed      2 s  3 passed, 1 skipped",
        "26 passed, 2 failed, 2 skipped",
    ]


def test_an_environment_that_fails_without_a_failed_test_is_a_failure(tmp_path: Path) -> None:
    lines = summary(tmp_path / "results.json", lint=(False, "Found 1 error.\n"))
    assert lines[-1] == "0 passed, 1 failed, 0 skipped"
