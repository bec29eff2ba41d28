"""Options are declared once; everything else comes from there."""

from __future__ import annotations

import math
import re
import socket
from functools import partial
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_SOCKET_BAD_PORT
from nodenet.options import (
    BOOLEAN,
    HOST,
    MODE,
    NATURAL,
    NUMBER,
    PORT,
    SOCKET_PATH,
    TEXT,
    Option,
    Spelling,
    applyOptions,
    booleanOr,
    checkBoolean,
    checkNumber,
    checkPort,
    checkString,
    choice,
    declarations,
    flags,
    reference,
    resolve,
)


def noDelay(skt: socket.socket, value: bool) -> None:
    skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, value)


class BaseOptions(TypedDict, total=False):
    port: Annotated[int, Option(default=0, check=checkPort, doc="Where to listen.", string=NUMBER)]


class ExampleOptions(BaseOptions, total=False):
    """Options of a made-up function."""

    host: Annotated[
        str | None, Option(check=checkString, doc="Which host.", string=TEXT, spelled="interface")
    ]
    noDelay: Annotated[
        bool,
        Option(default=False, check=checkBoolean, doc="No Nagle.", string=BOOLEAN, apply=noDelay),
    ]
    grace: Annotated[
        float,
        Option(default=1.5, check=partial(checkNumber, minimum=0), doc="Seconds.", node=False),
    ]


def test_what_is_not_given_has_its_default() -> None:
    expected = {"port": 0, "host": None, "noDelay": False, "grace": 1.5}
    assert resolve(ExampleOptions, None, {}) == expected
    assert resolve(ExampleOptions, {"noDelay": None, "port": None}, {}) == expected


def test_values_come_checked_and_in_the_form_in_which_they_are_used() -> None:
    assert resolve(ExampleOptions, {"port": "0x50"}, {})["port"] == 80


def test_keywords_prevail() -> None:
    resolved = resolve(ExampleOptions, {"port": 1, "host": "a"}, {"port": 2})
    assert (resolved["port"], resolved["host"]) == (2, "a")


def test_a_mapping_may_hold_more_than_is_declared() -> None:
    assert "other" not in resolve(ExampleOptions, {"other": 1}, {})


def test_a_keyword_that_is_not_declared_is_an_error() -> None:
    with pytest.raises(TypeError, match="'prot' is no option of ExampleOptions"):
        resolve(ExampleOptions, None, {"prot": 1})


@pytest.mark.parametrize("options", [5, "abc", True])
def test_options_must_be_a_mapping(options: Any) -> None:
    with pytest.raises(ERR_INVALID_ARG_TYPE, match='The "options" argument must be of type object'):
        resolve(ExampleOptions, options, {})


@pytest.mark.parametrize("given", [({"port": -1}, {}), (None, {"port": -1})])
def test_a_bad_value_is_named_as_nodes_options_are(given: tuple[Any, Any]) -> None:
    with pytest.raises(ERR_SOCKET_BAD_PORT, match=r"^options\.port should be >= 0"):
        resolve(ExampleOptions, *given)


def test_the_options_of_something_inside_are_named_after_it() -> None:
    with pytest.raises(ERR_SOCKET_BAD_PORT, match=r"^local\.port should be >= 0"):
        resolve(ExampleOptions, {"port": -1}, {}, prefix="local")


def test_declarations_know_name_and_type() -> None:
    declared = declarations(ExampleOptions)
    assert [(name, option.name, option.type) for name, option in declared.items()] == [
        ("port", "port", "int"),
        ("host", "host", "str | None"),
        ("noDelay", "noDelay", "bool"),
        ("grace", "grace", "float"),
    ]


def test_a_field_without_a_declaration_is_an_error() -> None:
    class Careless(TypedDict):
        port: int

    with pytest.raises(TypeError, match=r"Careless\.port is not declared with an Option"):
        declarations(Careless)


def test_the_reference_is_made_of_the_declarations() -> None:
    assert [tuple(row) for row in reference(ExampleOptions)] == [
        ("port", "int", "0", "Where to listen.", "port", True),
        ("host", "str | None", "", "Which host.", "interface", True),
        ("noDelay", "bool", "False", "No Nagle.", "noDelay", True),
        ("grace", "float", "1.5", "Seconds.", "", False),
    ]


@pytest.mark.parametrize(
    ("spelling", "text", "message"),
    [
        (BOOLEAN, "maybe", "it must be yes or no, not 'maybe'"),
        (NUMBER, "eighty", "it must be a number, not 'eighty'"),
        (NUMBER, "", "it must be a number, not ''"),
        (NUMBER, "nan", "it must be a number, not 'nan'"),
        (NATURAL, "-1", "it must be a number, 0 or more, not '-1'"),
        (NATURAL, "\u0663", "it must be a number, 0 or more, not"),
        (PORT, "65536", "it should be >= 0 and < 65536"),
        (HOST, "", "it must be a name or an address"),
        (MODE, "8", "it must be octal digits such as 660, not '8'"),
        (SOCKET_PATH, "@", "it must be that of a Unix socket"),
        (choice("a", "b", "c"), "d", "it must be a, b or c, not 'd'"),
        (flags(A=1, B=4), "A,C", "it must be A or B, or several (,), not 'A,C'"),
        (booleanOr("race"), "walk", "it must be yes, no or race, not 'walk'"),
    ],
)
def test_what_cannot_be_read_says_what_would_be_right(
    spelling: Spelling, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        spelling.parse(text, "it")


@pytest.mark.parametrize(
    ("spelling", "text", "value"),
    [
        (BOOLEAN, "yes", True),
        (NUMBER, "1.5", 1.5),
        (NATURAL, "0", 0),
        (PORT, "80", 80),
        (MODE, "060", 0o60),
        (SOCKET_PATH, "@name", "@name"),
        (choice("a", "b"), "b", "b"),
        (booleanOr("race"), "race", "race"),
        (booleanOr("race"), "no", False),
        (flags(A=1, B=4), "A,B", 5),
        (flags(A=1, B=4), "B,8", 12),
        (flags(A=1, B=4), "0", 0),
    ],
)
def test_what_is_read_is_written_the_same_way(spelling: Spelling, text: str, value: object) -> None:
    assert spelling.parse(text, "it") == value
    assert spelling.format(value) == text


@example(math.inf)
@example(-math.inf)
@given(st.floats(allow_nan=False) | st.integers(-(2**53), 2**53))
def test_numbers_are_written_so_that_they_are_read_back(number: float) -> None:
    assert NUMBER.parse(NUMBER.format(number), "x") == number


@pytest.mark.parametrize("wanted", [True, False])
def test_options_act_on_a_socket(wanted: bool) -> None:
    with socket.socket() as skt:
        applyOptions(ExampleOptions, resolve(ExampleOptions, {"noDelay": wanted}, {}), skt)
        assert bool(skt.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is wanted
