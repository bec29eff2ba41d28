"""The report: reStructuredText tables for people, JSON for programs, from the same rows.

Law: what was noisy, bound by the generator, missing or broken is marked where its figure stands.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import REFERENCE, UNDISTURBED, Cell, Row, ratios, summary
from benchmarks.measure import Plan
from benchmarks.peers import Peer

_LEGEND = f"""\
Above 1, {REFERENCE} is better: it does that many times the work in a second of the server's own CPU
time (the last row: it needs that many times less memory).  Median of the rounds; behind it the
lowest and the highest.  ``~``: the rounds do not agree within 8 %.  ``g``: the load generator, not
the server, was at its limit."""


@dataclass(frozen=True)
class Report:
    """Everything that one call measured."""

    rows: list[Row]
    peers: list[Peer]
    missing: dict[str, str]
    plan: Plan


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _congestion_control() -> str:
    return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()


def conditions(report: Report) -> dict[str, Any]:
    """Say when, where and on what was measured."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "kernel": platform.release().partition("-")[0],
        "tcp": _congestion_control(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {peer.name: peer.version for peer in report.peers},
        "missing": report.missing,
        "plan": asdict(report.plan),
    }


def as_json(report: Report) -> dict[str, Any]:
    """Give every sample and every ratio."""
    loads = [
        {
            "name": row.load.name,
            "title": row.load.title,
            "unit": row.load.unit,
            "peers": {name: asdict(cell) for name, cell in row.cells.items()},
            "ratios": {
                name: asdict(summary(found))
                for name in row.cells
                if name != REFERENCE and (found := ratios(row, name))
            },
        }
        for row in report.rows
    ]
    return {"conditions": conditions(report), "loads": loads}


def number(value: float) -> str:
    """Write a figure with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(row: Row, peer: str) -> str:
    if row.cells[peer].failure:
        return "failed"
    found = ratios(row, peer)
    if not found:
        return "\u2014"
    result = summary(found)
    marks = "~" * result.noisy + "g" * (_bound(row.cells[peer]) or _bound(row.cells[REFERENCE]))
    return f"{result.median:.2f}{marks} ({result.low:.2f}\u2013{result.high:.2f})"


def _bound(cell: Cell) -> bool:
    return bool(cell.samples) and cell.generator_bound


def _figure(row: Row, peer: str) -> str:
    cell = row.cells[peer]
    if cell.failure or not cell.samples:
        return "failed" if cell.failure else "\u2014"
    result = summary(cell.figures)
    return number(result.median) + "~" * result.noisy


def _served(row: Row, peer: str) -> str:
    samples = row.cells[peer].samples
    if row.cells[peer].failure or not samples:
        return "failed" if row.cells[peer].failure else "\u2014"
    text = number(median(sample.throughput for sample in samples))
    late = [sample.p99_ms for sample in samples if sample.p99_ms is not None]
    return f"{text}; {number(median(late))} ms" if late else text


def _table(head: list[str], lines: Iterable[list[str]]) -> str:
    cells = [head, *lines]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    rule = "  ".join("=" * width for width in widths)
    texts = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return "\n".join([rule, texts[0], rule, *texts[1:], rule])


def _tables(report: Report) -> Iterable[str]:
    names = [peer.name for peer in report.peers]
    others = [name for name in names if name != REFERENCE]
    timed = [row for row in report.rows if not row.load.memory]
    if REFERENCE in names and others and report.rows:
        head = ["Load", *(f"against {name}" for name in others)]
        yield _LEGEND
        yield _table(
            head, ([r.load.title, *(_ratio(r, name) for name in others)] for r in report.rows)
        )
    yield "Work per second of the server's CPU time; memory: KiB of a connection."
    yield _table(
        ["Load", "unit", *names],
        ([r.load.title, r.load.unit, *(_figure(r, name) for name in names)] for r in report.rows),
    )
    if timed:
        yield "Throughput per second of wall-clock time, and the latency's 99th percentile."
        yield _table(
            ["Load", "unit", *names],
            ([r.load.title, r.load.unit, *(_served(r, name) for name in names)] for r in timed),
        )


def _disturbed(report: Report) -> str:
    samples = [s for row in report.rows for cell in row.cells.values() for s in cell.samples]
    disturbed = sum(sample.disturbed > UNDISTURBED for sample in samples)
    return (
        f"In {disturbed} of {len(samples)} runs other programs held the server's core for more than"
        f" {UNDISTURBED:.0%} of the time."
    )


def _where(report: Report) -> str:
    facts = conditions(report)
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    plan = report.plan
    rounds = f"{plan.rounds} to {plan.most}" if plan.rounds < plan.most else f"{plan.rounds}"
    return (
        f"Measured on {facts['date']}: {versions}; CPython {facts['python']}, Linux"
        f" {facts['kernel']} ({facts['tcp']}), {facts['processor']}, {facts['cores']} cores (one"
        f" for the server, one for the load; clusters and their load share all of them); rounds:"
        f" {rounds}, of {plan.seconds:g} s each."
    )


def as_rst(report: Report) -> str:
    """Write the tables."""
    parts = [_where(report), *_tables(report), _disturbed(report)]
    parts += [f"{name} was skipped: {reason}." for name, reason in report.missing.items()]
    parts += [
        f"{name} failed under {row.load.name}: {cell.failure}."
        for row in report.rows
        for name, cell in row.cells.items()
        if cell.failure
    ]
    return "\n\n".join(parts) + "\n"
