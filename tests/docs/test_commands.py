"""The command lines of the services that are shown: each is one that is understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import certificates
import pytest

from nodenet.tap import Options
from nodenet.tap.relay import RelayOptions

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"twistd -n nodenet ((?:echo|relay|run) .*)")


def page(name: str) -> str:
    return (ROOT / "docs" / "howto" / f"{name}.rst").read_text(encoding="utf-8")


PAGES = "".join(map(page, ("relay", "services", "balancing")))


def commands(text: str) -> list[str]:
    """What is behind ``twistd -n nodenet`` in a text."""
    return SHOWN.findall(text.replace("\\\n", " "))


@pytest.mark.parametrize("command", commands(PAGES) + commands(RelayOptions.epilogue))
def test_a_shown_command_is_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "ssl:" in command:
        files: Any = certificates.files(tmp_path)
        command = command.replace("/etc/", "").replace("key.pem", files[0])
        command = command.replace("cert.pem", files[1])
    for name in ("allowed", "blocked"):
        (tmp_path / name).write_text("192.0.2.1\n")
    monkeypatch.chdir(tmp_path)
    options = Options()
    options.parseOptions(shlex.split(command))
    assert options.subOptions.makeService().listening == []


def test_there_are_some() -> None:
    assert len(commands(PAGES)) > 5
    assert len(commands(RelayOptions.epilogue)) == 3
