"""Which of many events get a line in the log."""

from __future__ import annotations

from nodenet.services._sparing import Sparing


def test_the_first_ones_get_a_line_and_the_rest_of_the_minute_none() -> None:
    lines = Sparing(2, 60.0)
    assert [lines.passedOver(now) for now in (100.0, 100.0, 100.1, 159.9)] == [0, 0, None, None]


def test_the_next_line_says_how_many_had_none() -> None:
    lines = Sparing(1, 60.0)
    assert [lines.passedOver(now) for now in (0.0, 1.0, 2.0, 60.0)] == [0, None, None, 2]
    assert [lines.passedOver(now) for now in (61.0, 120.0)] == [None, 1]


def test_a_minute_begins_with_its_first_event() -> None:
    lines = Sparing(1, 60.0)
    assert [lines.passedOver(now) for now in (0.0, 90.0, 130.0, 150.0)] == [0, 0, None, 1]
