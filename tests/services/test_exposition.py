"""The strict reader of expositions refuses what the format does not allow."""

from __future__ import annotations

import pytest
from services.exposition import readExposition

GOOD = """\
# HELP a_total What it \\\\ is.
# TYPE a_total counter
a_total{x="1",y="\\"\\n"} 5

a_total{x="2"} 1e3
# TYPE b gauge
b -0.5
"""


def test_it_reads() -> None:
    metrics = readExposition(GOOD)
    assert metrics["a_total"].value(x="1", y='"\n') == 5
    assert metrics["a_total"].value(x="2") == 1000
    assert (metrics["b"].kind, metrics["b"].value()) == ("gauge", -0.5)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("-0.5\n", "-0.5"),  # the last line has no end
        ("# TYPE b gauge\n", ""),
        ("gauge", "guage"),
        ("b -0.5", "b -0.5\nb -0.5"),
        ("b -0.5", "b -0.5\na_total 1"),
        ("b -0.5", "b x"),
        ("b -0.5", "0b 1"),
        ("b -0.5", " b 1"),
        ('x="2"', "x=2"),
        ('x="2"', 'x="\\t"'),
        ('x="2"', '0="2"'),
        ("What it \\\\", "What it \\t"),
        ('a_total{x="2"} 1e3', "# TYPE a_total counter"),
    ],
)
def test_it_refuses(before: str, after: str) -> None:
    assert before in GOOD
    with pytest.raises((AssertionError, ValueError)):
        readExposition(GOOD.replace(before, after))
