"""A stopping service closes what is quiet and lets the rest go on."""

from __future__ import annotations

from nodenet.services._quiet import Figures, Looks


def test_the_first_look_closes_nothing() -> None:
    looks: Looks[str] = Looks()
    assert looks.look({"a": Figures(0, 0)}) == []


def test_what_stayed_quiet_between_two_looks_has_finished() -> None:
    looks: Looks[str] = Looks()
    looks.look({"idle": Figures(5, 0), "busy": Figures(5, 0)})
    assert looks.look({"idle": Figures(5, 0), "busy": Figures(6, 0)}) == ["idle"]


def test_what_still_holds_bytes_has_not_finished() -> None:
    looks: Looks[str] = Looks()
    looks.look({"slow reader": Figures(5, 100)})
    assert looks.look({"slow reader": Figures(5, 100)}) == []
    assert looks.look({"slow reader": Figures(5, 0)}) == []
    assert looks.look({"slow reader": Figures(5, 0)}) == ["slow reader"]


def test_each_is_named_once() -> None:
    looks: Looks[str] = Looks()
    looks.look({"closing": Figures(5, 0)})
    assert looks.look({"closing": Figures(5, 0)}) == ["closing"]
    assert looks.look({"closing": Figures(5, 0)}) == []
