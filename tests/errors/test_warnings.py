"""Warnings: their kind, their code, and the line they point at."""

from __future__ import annotations

import pytest
from oracle import Oracle, Tracer

from nodenet.errors import MaxListenersExceededWarning, NodeWarning, emitWarning


def test_a_warning_carries_what_node_says_of_it() -> None:
    with pytest.warns(MaxListenersExceededWarning) as caught:
        emitWarning("a leak?", "MaxListenersExceededWarning", "C1", count=11, type="data")
    warning = caught[0].message
    assert isinstance(warning, MaxListenersExceededWarning)
    assert (warning.message, warning.name, warning.code) == (
        "a leak?",
        "MaxListenersExceededWarning",
        "C1",
    )
    assert (warning.count, warning.type) == (11, "data")


def test_it_points_at_the_line_outside_nodenet() -> None:
    with pytest.warns(NodeWarning) as caught:
        emitWarning("here")
    assert caught[0].filename == __file__


def test_a_deprecation_is_pythons_deprecation_too() -> None:
    with pytest.warns(DeprecationWarning, match="old"):
        emitWarning("old", "DeprecationWarning", "DEP0118")


def test_a_kind_that_is_not_known_keeps_its_name() -> None:
    with pytest.warns(NodeWarning) as caught:
        emitWarning("m", "OtherWarning")
    assert isinstance(caught[0].message, NodeWarning)
    assert caught[0].message.name == "OtherWarning"


def test_names_and_codes_are_nodes(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        emitWarning("plain")
        emitWarning("named", "OtherWarning", "C1")

    oracle.compareSync(
        """
        process.emitWarning('plain')
        process.emitWarning('named', 'OtherWarning', 'C1')
        """,
        scenario,
    )
