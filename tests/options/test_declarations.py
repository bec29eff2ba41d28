"""Options are declared once; everything else comes from there."""

from __future__ import annotations

import math
import socket
from functools import partial
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_SOCKET_BAD_PORT
from nodenet.options import (
    BOOLEAN,
    NUMBER,
    TEXT,
    Option,
    applyOptions,
    checkBoolean,
    checkNumber,
    checkPort,
    checkString,
    declarations,
    fromStrings,
    reference,
    resolve,
    toStrings,
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


def test_an_endpoint_string_gives_options() -> None:
    parsed = fromStrings(ExampleOptions, {"port": "80", "interface": "::1", "noDelay": "yes"})
    assert parsed == {"port": 80, "host": "::1", "noDelay": True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": "a"}, "unknown argument 'host'; there are: interface, noDelay, port"),
        ({"grace": "1"}, "unknown argument 'grace'"),
        ({"noDelay": "maybe"}, "noDelay must be yes or no, not 'maybe'"),
        ({"port": "eighty"}, "port must be a number, not 'eighty'"),
        ({"port": ""}, "port must be a number, not ''"),
    ],
)
def test_what_cannot_be_read_says_what_would_be_right(
    arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fromStrings(ExampleOptions, arguments)


def test_defaults_are_not_written() -> None:
    assert toStrings(ExampleOptions, resolve(ExampleOptions, None, {})) == {}


@given(port=st.integers(0, 65535), host=st.none() | st.text(min_size=1), noDelay=st.booleans())
def test_what_is_written_is_read_back(port: int, host: str | None, noDelay: bool) -> None:
    values = resolve(ExampleOptions, {"port": port, "host": host, "noDelay": noDelay}, {})
    written = toStrings(ExampleOptions, values)
    assert resolve(ExampleOptions, fromStrings(ExampleOptions, written), {}) == values


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
