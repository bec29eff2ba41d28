"""The defaults of family selection: set by the program, or by the environment."""

from __future__ import annotations

import pytest
from oracle import Oracle, Tracer

from nodenet.errors import ERR_INVALID_ARG_TYPE, NodeError, NodeWarning
from nodenet.net import _defaults
from nodenet.net._defaults import (
    Defaults,
    getDefaultAutoSelectFamily,
    getDefaultAutoSelectFamilyAttemptTimeout,
    setDefaultAutoSelectFamily,
    setDefaultAutoSelectFamilyAttemptTimeout,
)

FAMILY = "NODENET_AUTO_SELECT_FAMILY"
TIMEOUT = "NODENET_AUTO_SELECT_FAMILY_ATTEMPT_TIMEOUT"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with the defaults of an empty environment."""
    monkeypatch.setattr(_defaults, "_defaults", Defaults({}))


def test_they_are_got_and_set_as_in_node(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        t("first", getDefaultAutoSelectFamily(), getDefaultAutoSelectFamilyAttemptTimeout())
        for value in (None, 0, "true", True, False):
            try:
                t("set", setDefaultAutoSelectFamily(value))  # type: ignore[arg-type,func-returns-value]
            except NodeError as error:
                t("refused", error)
            t("now", getDefaultAutoSelectFamily())
        for number in (None, 0, -1, 1, 9, 10, 11, 500, 1.5, "5", 2**31 - 1, 2**31, True):
            try:
                t("set", setDefaultAutoSelectFamilyAttemptTimeout(number))  # type: ignore[arg-type,func-returns-value]
            except NodeError as error:
                t("refused", error)
            t("now", getDefaultAutoSelectFamilyAttemptTimeout())

    oracle.compareSync(
        """
        t('first', net.getDefaultAutoSelectFamily(), net.getDefaultAutoSelectFamilyAttemptTimeout())
        const attempt = (call) => {
          try { t('set', call()) } catch (error) { t('refused', error) }
        }
        for (const value of [null, 0, 'true', true, false]) {
          attempt(() => net.setDefaultAutoSelectFamily(value))
          t('now', net.getDefaultAutoSelectFamily())
        }
        for (const value of [null, 0, -1, 1, 9, 10, 11, 500, 1.5, '5', 2**31 - 1, 2**31, true]) {
          attempt(() => net.setDefaultAutoSelectFamilyAttemptTimeout(value))
          t('now', net.getDefaultAutoSelectFamilyAttemptTimeout())
        }
        """,
        scenario,
    )


def test_race_is_a_default_too() -> None:
    setDefaultAutoSelectFamily("race")
    assert getDefaultAutoSelectFamily() == "race"
    with pytest.raises(ERR_INVALID_ARG_TYPE):
        setDefaultAutoSelectFamily("RACE")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "family"),
    [("1", True), ("true", True), ("0", False), ("FALSE", False), ("race", "race")],
)
def test_the_environment_says_whether_to_select(word: str, family: bool | str) -> None:
    assert Defaults({FAMILY: word}).family == family


@pytest.mark.parametrize(("number", "timeout"), [("1", 10), ("10", 10), ("700", 700)])
def test_the_environment_says_how_long_an_attempt_has(number: str, timeout: int) -> None:
    assert Defaults({TIMEOUT: number}).timeout == timeout


@pytest.mark.parametrize("value", ["", "yes", "2"])
def test_a_word_that_cannot_be_read_is_warned_of(value: str) -> None:
    with pytest.warns(NodeWarning, match=f"{FAMILY} must be 1, 0 or race; '{value}' is ignored"):
        assert Defaults({FAMILY: value}).family is True


@pytest.mark.parametrize("value", ["", "0", "-5", "abc", "1.5", "2147483648", "9" * 5000])
def test_a_number_that_cannot_be_read_is_warned_of(value: str) -> None:
    with pytest.warns(NodeWarning, match=f"{TIMEOUT} must be a positive number"):
        assert Defaults({TIMEOUT: value}).timeout == 250
