"""Figures: medians and spreads of repeated measurements, and ratios between peers.

Law: a ratio is the median over rounds of the ratios within a round; above 1 the reference is
better, whatever is measured. Nothing here reads a clock or a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from benchmarks.loads import Load

#: The peer that the others are compared with.
REFERENCE = "nodenet"
#: A run that was disturbed for a longer share of its time is repeated, and counts as disturbed.
UNDISTURBED = 0.05
#: Half of the rounds lie within this share of the median, or the figure counts as noisy.
TOLERANCE = 0.08


@dataclass(frozen=True)
class Sample:
    """One run.

    figure -- units per second of the server's CPU time; for memory KiB a connection.
    throughput -- units per second of wall-clock time.
    p99_ms -- 99th percentile of the latency in milliseconds, where there is one.
    server_share, generator_share -- of one core.
    disturbed -- share of the time in which something else held the core that the server needed.
    lost -- datagrams without an answer.
    """

    figure: float
    throughput: float = 0.0
    p99_ms: float | None = None
    server_share: float = 0.0
    generator_share: float = 0.0
    disturbed: float = 0.0
    lost: int = 0


@dataclass
class Cell:
    """What one peer did under one load.

    samples -- one a round.
    failure -- why it was measured no further, or an empty string.
    """

    samples: list[Sample] = field(default_factory=list)
    failure: str = ""

    @property
    def figures(self) -> list[float]:
        """The main figure of each round."""
        return [sample.figure for sample in self.samples]

    @property
    def generator_bound(self) -> bool:
        """Whether the generator was busier than the server had to be."""
        generator = median(sample.generator_share for sample in self.samples)
        return generator > 0.93 and median(s.server_share for s in self.samples) < 0.9


@dataclass(frozen=True)
class Row:
    """One load with all peers' cells, by name."""

    load: Load
    cells: dict[str, Cell]


@dataclass(frozen=True)
class Summary:
    """A repeated figure: its median, its extremes, and whether the rounds agree."""

    median: float
    low: float
    high: float
    noisy: bool


def spread(values: Sequence[float]) -> float:
    """Say how far apart the middle half of some values lies, as a share of their median."""
    if len(values) < 2:
        return 0.0
    low, _, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / median(values)


def summary(values: Sequence[float]) -> Summary:
    """Sum up the rounds of one figure."""
    return Summary(median(values), min(values), max(values), spread(values) > TOLERANCE)


def ratios(row: Row, peer: str) -> list[float]:
    """Compare the reference with a peer, round by round.

    Returns one ratio a round, none where either of them has failed or was not measured.
    """
    reference, other = row.cells.get(REFERENCE), row.cells.get(peer)
    if reference is None or other is None or reference.failure or other.failure:
        return []
    if not reference.figures or not other.figures:
        return []
    pairs = zip(reference.figures, other.figures, strict=True)
    if row.load.memory:
        return [theirs / ours for ours, theirs in pairs]
    return [ours / theirs for ours, theirs in pairs]


def unsettled(cells: Mapping[str, Cell]) -> bool:
    """Whether another round is worth its time: some peer's rounds do not agree yet."""
    return any(spread(cell.figures) > TOLERANCE for cell in cells.values() if not cell.failure)
