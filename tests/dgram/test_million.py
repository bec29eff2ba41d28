"""A million datagrams: once for all Pythons, for it takes its time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.once
def test_a_million_datagrams_come_back_intact_and_in_order():
    program = Path(__file__).with_name("million.py")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=500, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
