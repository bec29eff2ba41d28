"""Random programs do on our streams what they do on Node's, event by event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from oracle import Oracle
from streams.generate import Generator
from streams.programs import Program, run

_COUNT = 150
_MACHINE = json.dumps(str(Path(__file__).with_name("programs.js")))


async def _compare(
    oracle: Oracle, directory: Path, programs: list[Program], sends: bool = False
) -> None:
    file = directory / "programs.json"
    file.write_text(json.dumps(programs))
    await oracle.compare(
        f"require({_MACHINE})(t, stream, require({json.dumps(str(file))}))",
        lambda t: run(t, programs, sends),
    )


@pytest.mark.parametrize("kind", ["Readable", "Writable", "Duplex", "pipe", "pipeline"])
async def test_random_programs_do_the_same(oracle: Oracle, tmp_path: Path, kind: str) -> None:
    programs = [Generator(kind, seed).program() for seed in range(_COUNT)]
    await _compare(oracle, tmp_path, programs)


@pytest.mark.parametrize("kind", ["Readable", "Writable", "Duplex", "pipe"])
async def test_random_programs_do_the_same_on_the_byte_path(
    oracle: Oracle, tmp_path: Path, kind: str
) -> None:
    seeds = range(_COUNT, 2 * _COUNT)
    programs = [Generator(kind, seed, writev=True, pushes=True).program() for seed in seeds]
    await _compare(oracle, tmp_path, programs, sends=True)
