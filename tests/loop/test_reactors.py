"""The same program behaves the same on every reactor."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("every_reactor.py")
EXPECTED = [
    "closed: False",
    "server closed",
    "timer before the end: True",
    "twisted connected before the end: True",
    "twisted: TWISTED",
]


@pytest.mark.parametrize("name", ["epoll", "poll", "select", "asyncio", "uvloop"])
def test_echo_timer_and_a_plain_twisted_connection_are_all_served(name: str) -> None:
    if name == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    done = subprocess.run(
        [sys.executable, str(PROGRAM), name],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert sorted(done.stdout.splitlines()) == EXPECTED


@pytest.mark.parametrize("name", ["epoll", "poll", "select"])
def test_without_an_epoll_of_its_own_a_handle_survives_an_error_of_its_descriptor(
    name: str,
) -> None:
    program = Path(__file__).with_name("one_by_one.py")
    done = subprocess.run(
        [sys.executable, str(program), name],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("refused\nI am\n", "", 0)
