"""The command: a tiny run of every kind of load gives a whole report. No figure is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from machine import tool

ROOT = Path(__file__).resolve().parents[2]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the load generator needs Linux")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool("cc")  # the load generator is compiled
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    directory = tmp_path_factory.mktemp("benchmarks")
    result = run(
        "--quick",
        "--seconds=0.05",
        "--peers=nodenet,twisted",
        "--only=tcp-1,stream-echo,connect,relay-50,lines-8,udp-64-64,udp-in,udp-out",
        f"--json={directory / 'report.json'}",
        f"--rst={directory / 'report.rst'}",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (directory / "report.rst").read_text() == result.stdout
    return result.stdout, json.loads((directory / "report.json").read_text())


@on_linux
def test_every_peer_has_a_sample_of_every_load(measured: tuple[str, dict[str, Any]]) -> None:
    for load in measured[1]["loads"]:
        for name in ("nodenet", "Twisted"):
            cell = load["peers"][name]
            assert cell["failure"] == ""
            assert len(cell["samples"]) == 1
            assert cell["samples"][0]["figure"] > 0


@on_linux
def test_every_load_has_a_ratio(measured: tuple[str, dict[str, Any]]) -> None:
    assert all(load["ratios"]["Twisted"]["median"] > 0 for load in measured[1]["loads"])


@on_linux
def test_a_peer_without_a_program_for_a_load_has_no_figure_there() -> None:
    result = run(
        "--quick", "--seconds=0.05", "--peers=nodenet,twisted", "--only=cluster-connect-dealt-2"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line for line in result.stdout.splitlines() if line.endswith("\u2014")]
    title = "connect and close, 2 workers, dealt out "
    assert [row.startswith(title) for row in rows] == [True] * 3


@on_linux
def test_the_report_says_when_and_on_what(measured: tuple[str, dict[str, Any]]) -> None:
    text, report = measured
    assert report["conditions"]["date"] in text
    assert f"Twisted {report['conditions']['versions']['Twisted']}" in text


@on_linux
def test_the_tables_are_restructured_text(measured: tuple[str, dict[str, Any]]) -> None:
    core: Any = import_module("docutils.core")
    settings = {"halt_level": 2, "report_level": 2, "warning_stream": False}
    html = core.publish_string(measured[0], writer="html", settings_overrides=settings)
    assert html.count(b"<table") == 3


@on_linux
def test_a_peer_that_is_missing_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NODENET_NODE", str(tmp_path / "none"))
    result = run("--quick", "--seconds=0.05", "--peers=twisted,node", "--only=tcp-1")
    assert result.returncode == 0
    assert "Node was skipped: " in result.stdout


@pytest.mark.parametrize("arguments", [("--only=nothing",), ("--peers=nobody",)])
def test_a_name_that_does_not_exist_is_one_clear_line(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
