"""The same program behaves the same on every reactor."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from loop.reactors import REACTORS

EXPECTED = [
    "closed: False",
    "server closed",
    "timer before the end: True",
    "twisted connected before the end: True",
    "twisted: TWISTED",
]


def run(program: str, name: str) -> list[str]:
    """What one of the programs here prints on a reactor."""
    if name == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(program)), name],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", REACTORS)
def test_echo_timer_and_a_plain_twisted_connection_are_all_served(name: str) -> None:
    assert sorted(run("every_reactor.py", name)) == EXPECTED


@pytest.mark.parametrize("name", REACTORS)
def test_a_descriptor_that_alone_is_busy_behaves_as_one_among_many(name: str) -> None:
    alone = name == "epoll"
    assert run("alone.py", name) == [
        f"alone: {alone}",
        "the other one",
        f"alone still: {alone}",
        "refused",
        "there again",
        "alone when paused: False",
        "resumed",
        f"alone again: {alone}",
    ]


@pytest.mark.parametrize("name", ["epoll", "poll", "select"])
def test_without_an_epoll_of_its_own_a_handle_survives_an_error_of_its_descriptor(
    name: str,
) -> None:
    assert run("one_by_one.py", name) == ["refused", "I am"]
