"""The command line: ``python -m benchmarks`` from the root of the repository.

Law: standard output carries the report and nothing else; what is under way goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import loads, peers, processes, report
from benchmarks.measure import Plan, run_rounds

_QUICK = Plan(seconds=0.3, warmup=0.1, rounds=1, most=1, tries=1)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Put the same loads on nodenet, Twisted, asyncio, uvloop and Node.",
        epilog="Loads: " + ", ".join(load.name for load in loads.LOADS),
    )
    add = parser.add_argument
    add("--only", type=_names, default=[], metavar="LOAD,...", help="these loads (* and ? fit any)")
    add("--peers", type=_names, default=[], metavar="PEER,...", help="these peers alone")
    add("--quick", action="store_true", help="one short round: shows that it works, not how well")
    add("--seconds", type=float, metavar="S", help="length of one run's window (default 1.2)")
    add("--rounds", type=int, metavar="N", help="exactly so many (default 5, up to 9 while noisy)")
    add("--json", type=Path, metavar="FILE", help="write every sample there")
    add("--rst", type=Path, metavar="FILE", help="write the report there too")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace) -> Plan:
    plan = _QUICK if options.quick else Plan()
    if options.seconds:
        plan = replace(plan, seconds=options.seconds)
    if options.rounds:
        plan = replace(plan, rounds=options.rounds, most=options.rounds)
    return plan


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks.

    arguments -- of the command line; those of the process where there are none.

    Returns the exit status: 0; 1 when a peer failed under some load; 2 when nothing could be run.
    """
    options = _arguments(arguments)
    plan = _plan(options)
    processes.raise_limits()
    try:
        wanted = loads.chosen(options.only)
        present, missing = peers.find(options.peers)
        with tempfile.TemporaryDirectory() as directory:
            generator = processes.build(Path(directory))
            rows = [run_rounds(load, present, generator, plan, _say) for load in wanted]
    except (ValueError, processes.Failed) as problem:
        _say(str(problem))
        return 2
    result = report.Report(rows, present, missing, plan)
    text = report.as_rst(result)
    print(text, end="")
    if options.rst:
        options.rst.write_text(text, encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(report.as_json(result), indent=1) + "\n")
    return 1 if any(cell.failure for row in rows for cell in row.cells.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
