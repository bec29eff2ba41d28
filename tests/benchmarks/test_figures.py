"""Medians, spreads and ratios of what was measured."""

from __future__ import annotations

from benchmarks.figures import Cell, Row, Sample, ratios, summary, unsettled
from benchmarks.loads import LOADS

ECHO, MEMORY = LOADS[0], LOADS[-1]


def cell(*figures: float, failure: str = "") -> Cell:
    return Cell([Sample(figure) for figure in figures], failure)


def test_a_ratio_is_taken_within_each_round() -> None:
    row = Row(ECHO, {"nodenet": cell(200, 300), "Twisted": cell(100, 100)})
    assert ratios(row, "Twisted") == [2, 3]


def test_less_memory_is_a_ratio_above_one() -> None:
    row = Row(MEMORY, {"nodenet": cell(2), "Node": cell(8)})
    assert ratios(row, "Node") == [4]


def test_there_is_no_ratio_where_one_side_failed() -> None:
    row = Row(ECHO, {"nodenet": cell(200), "Twisted": cell(failure="it did not start")})
    assert ratios(row, "Twisted") == []


def test_there_is_no_ratio_without_the_reference() -> None:
    assert ratios(Row(ECHO, {"Twisted": cell(1)}), "Twisted") == []


def test_a_summary_gives_median_and_extremes() -> None:
    result = summary([101, 99, 100])
    assert (result.low, result.median, result.high, result.noisy) == (99, 100, 101, False)


def test_one_round_out_of_line_does_not_make_a_figure_noisy() -> None:
    assert not summary([100, 100, 101, 99, 300]).noisy


def test_rounds_that_disagree_do() -> None:
    assert summary([100, 150, 200, 250, 300]).noisy


def test_rounds_go_on_while_any_peer_disagrees_with_itself() -> None:
    assert unsettled({"nodenet": cell(100, 100, 100), "Node": cell(100, 200, 300)})


def test_a_peer_that_failed_does_not_keep_the_others_waiting() -> None:
    assert not unsettled({"nodenet": cell(100, 100), "Node": cell(1, 9, failure="gone")})


def test_a_cell_knows_when_the_generator_was_the_limit() -> None:
    busy = Sample(1, server_share=0.5, generator_share=0.99)
    assert Cell([busy]).generator_bound
    assert not Cell([Sample(1, server_share=0.99, generator_share=0.99)]).generator_bound


def test_every_load_has_a_name_of_its_own() -> None:
    assert len({load.name for load in LOADS}) == len(LOADS)
