"""Random programs do with our sockets what they do with Node's, event by event."""

from __future__ import annotations

import json
from pathlib import Path

from dgram import odd_arguments
from dgram.generate import Generator
from dgram.programs import Machine, Program
from oracle import Oracle

_COUNT = 200
_MACHINE = json.dumps(str(Path(__file__).with_name("programs.js")))


async def _compare(oracle: Oracle, directory: Path, programs: list[Program]) -> None:
    file = directory / "programs.json"
    file.write_text(json.dumps(programs))
    await oracle.compare(
        f"require({_MACHINE})(t, require({json.dumps(str(file))}))",
        lambda t: Machine(t, programs).start(),
        apart=True,
    )


async def test_random_programs_do_the_same(oracle: Oracle, tmp_path: Path) -> None:
    await _compare(oracle, tmp_path, [Generator(seed).program() for seed in range(_COUNT)])


async def test_odd_arguments_do_the_same(oracle: Oracle, tmp_path: Path) -> None:
    await _compare(oracle, tmp_path, [odd_arguments.program(seed) for seed in range(_COUNT)])
