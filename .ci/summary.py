"""Prints how each environment of a tox run closed, and the sum of their tests as the last line.

Usage: summary.py RESULTS, a file that ``tox --result-json RESULTS`` wrote. An environment that
failed without a failed test (lint, types, docs) counts as one failure.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PYTEST = re.compile(r"^=*\s*(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s.*$", re.MULTILINE)
_TRIAL = re.compile(r"^(?:PASSED|FAILED) \(([^)]*)\)$", re.MULTILINE)
_WORDS = {
    "error": "failed",
    "errors": "failed",
    "failures": "failed",
    "skips": "skipped",
    "successes": "passed",
}


def tests_of(output: str) -> Counter[str]:
    """What the closing lines of pytest and trial in `output` say, in pytest's words."""
    output = _COLOUR.sub("", output)
    counts: Counter[str] = Counter()
    for closing in _PYTEST.findall(output):
        for part in closing.split(", "):
            number, word = part.split()
            counts[_WORDS.get(word, word)] += int(number)
    for closing in _TRIAL.findall(output):
        for part in closing.split(", "):
            word, number = part.split("=")
            counts[_WORDS.get(word, word)] += int(number)
    return counts


def environment(name: str, record: dict[str, Any]) -> Counter[str]:
    """Print the line of one environment.

    :returns: the counts of its tests.
    """
    result = record["result"]
    counts: Counter[str] = Counter()
    for command in record.get("test", ()):
        counts += tests_of(command["output"])
    if not result["success"] and not counts["failed"]:
        counts["failed"] += 1
    state = "not here" if result.get("skipped") else "passed" if result["success"] else "FAILED"
    print(f"{name:>12}  {state:8} {result['duration']:4.0f} s  {said(counts)}".rstrip())
    return counts


def said(counts: Counter[str]) -> str:
    """The counts as pytest words them."""
    order = ("passed", "failed", "skipped")
    return ", ".join(f"{counts[word]} {word}" for word in order if counts[word])


def main(results: Path) -> None:
    """Print one line for each environment, then the sum."""
    total: Counter[str] = Counter()
    for name, record in json.loads(results.read_text(encoding="utf-8"))["testenvs"].items():
        if not name.startswith("."):
            total += environment(name, record)
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
