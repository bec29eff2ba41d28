"""What the README shows is what happens: its session, its two clients, its commands."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from machine import tool
from smoke.program import PATIENCE, Program, twistd

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.rst").read_text(encoding="utf-8")
ANSWERS = ["tcp hello", "udp hello"]

Here = Callable[[str], str]


def block(language: str) -> str:
    """The README's block in a language."""
    found = re.search(rf"code-block:: {language}\n\n((?: +.*\n|\n)+)", README)
    assert found is not None
    return textwrap.dedent(found[1]).strip()


def command(start: str) -> str:
    """The README's command, on a line of its own, that begins like this."""
    return next(line.strip() for line in README.splitlines() if line.strip().startswith(start))


@pytest.fixture
def here(tmp_path: Path, socketPath: Callable[[str], str]) -> Iterator[Here]:
    """Rewrites what speaks of the README's service to the one that runs in this test.

    It is the README's, but for ports that are free and a path of its own.
    """
    path = socketPath("echo.sock")
    _, _, arguments = command("python3 -m venv .venv").partition("twistd ")
    arguments = arguments.replace("8124", "0").replace("41234", "0")
    with closing(
        twistd(*arguments.replace("/tmp/echo.sock", path).split(), cwd=tmp_path)
    ) as service:
        tcp = service.says(r"listening on tcp 127\.0\.0\.1:(\d+)")[1]
        udp = service.says(r"listening on udp 127\.0\.0\.1:(\d+)")[1]
        service.says("listening on unix")
        ours = {"8124": tcp, "41234": udp, "/tmp/echo.sock": path}
        yield lambda text: re.sub("|".join(ours), lambda found: ours[found[0]], text)


def output(program: list[str | Path]) -> list[str]:
    """The lines that a program prints, sorted: TCP and UDP answer in any order."""
    return sorted(subprocess.check_output(program, text=True, timeout=PATIENCE).splitlines())


def test_the_session_with_nc_is_real(here: Here) -> None:
    tool("nc")
    session = block("console")
    commands = re.findall(r"^\$ (.*)$", session, re.MULTILINE)
    shown = [line for line in session.splitlines() if not line.startswith("$")]
    heard = subprocess.check_output(
        ["bash", "-c", here("\n".join(commands))], text=True, timeout=PATIENCE
    )
    assert heard.splitlines() == shown


def test_the_client_in_node_is_answered(here: Here, node: Path) -> None:
    assert output([node, "-e", here(block("javascript"))]) == ANSWERS


def test_the_client_with_nodenet_is_answered(here: Here, tmp_path: Path) -> None:
    program = tmp_path / "client.py"
    program.write_text(here(block("python")), encoding="utf-8")
    client = Program([sys.executable, str(program)], cwd=tmp_path)
    assert client.status() == 0
    assert sorted(client.transcript.splitlines()) == ANSWERS
    client.close()


def test_ci_runs_the_command_that_is_shown() -> None:
    shown = next(line.strip() for line in README.splitlines() if line.endswith("tox -p auto"))
    assert shown in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
