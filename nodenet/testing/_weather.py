"""What becomes of a datagram on its way.

Law: the same seed and the same datagrams in the same order meet the same fate; each draws equally
many numbers, so that one condition does not change what another one does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

from nodenet.options import checkInteger, checkNumber

LARGEST = 65_575
"""Bytes of the largest packet: IPv6's header, and 65,535 bytes."""

_CERTAIN = 1
_LEAST = {"delay": 0, "jitter": 0, "bandwidth": 1}


@dataclass(frozen=True)
class Conditions:
    """How a network treats datagrams. See `Network`.

    Raises:
        ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: One is no such number.
    """

    loss: float = 0
    duplication: float = 0
    reordering: float = 0
    delay: float = 0
    jitter: float = 0
    bandwidth: float | None = None
    mtu: int = LARGEST

    def __post_init__(self) -> None:
        for name in ("loss", "duplication", "reordering"):
            checkNumber(getattr(self, name), name, 0, _CERTAIN)
        for name, least in _LEAST.items():
            if getattr(self, name) is not None:
                checkNumber(getattr(self, name), name, least)
        checkInteger(self.mtu, "mtu", 68, LARGEST)

    def __str__(self) -> str:
        said = [(field.name, getattr(self, field.name), field.default) for field in fields(self)]
        return " ".join(f"{name}={value}" for name, value, usual in said if value != usual)


@dataclass(frozen=True)
class Fate:
    """What becomes of one datagram.

    Attributes:
        delays: Seconds until each of its copies arrives; none when it is lost.
        overtaken: The next one arrives before it.
    """

    delays: tuple[float, ...]
    overtaken: bool

    def __str__(self) -> str:
        if not self.delays:
            return "lost"
        said = ", again ".join(f"after {delay:.3f} s" for delay in self.delays)
        return f"{said}, behind the next one" if self.overtaken else said


class Weather:
    """Says what becomes of each datagram.

    Args:
        seed: What it all follows from.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def fate(self, conditions: Conditions) -> Fate:
        """The fate of the next datagram."""
        draw = self._random.random
        lost, twice, overtaken = draw(), draw(), draw()
        delays = tuple(conditions.delay + conditions.jitter * draw() for _ in range(2))
        if lost < conditions.loss:
            return Fate((), False)
        copies = 2 if twice < conditions.duplication else 1
        return Fate(delays[:copies], overtaken < conditions.reordering)
