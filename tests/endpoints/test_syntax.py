"""Endpoint strings are cut and written without loss, and Twisted cuts ours the same way."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet import endpoints as twistedEndpoints

from nodenet.endpoints._syntax import EndpointStringError, cut, join, quote

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
AWKWARD = st.text(alphabet="a:=\\", max_size=8) | TEXT
ARGUMENTS = st.lists(st.tuples(st.none() | AWKWARD, AWKWARD), max_size=4)


def shape(text: str) -> list[tuple[str | None, str]]:
    return [(argument.name, argument.value) for argument in cut(text).arguments]


def test_arguments_stand_between_colons() -> None:
    assert cut("tcp:8124:interface=127.0.0.1").prefix == "tcp"
    assert shape("tcp:8124:interface=127.0.0.1") == [(None, "8124"), ("interface", "127.0.0.1")]


def test_a_backslash_takes_the_next_character_as_it_stands() -> None:
    assert shape(r"tcp:1:interface=\:\:1:x=\\:y\=z=\=") == [
        (None, "1"),
        ("interface", "::1"),
        ("x", "\\"),
        ("y=z", "="),
    ]


def test_the_first_equals_sign_counts() -> None:
    assert shape("unix:a=b=c") == [("a", "b=c")]


def test_each_argument_knows_its_place() -> None:
    text = r"tcp:8124:a\:b=\=c"
    port, other = cut(text).arguments
    assert (port.nameAt, port.at) == (4, 4)
    assert (other.nameAt, other.at) == (9, 14)


@given(st.text(alphabet="ab:\\", min_size=1, max_size=8), ARGUMENTS)
def test_what_is_joined_is_cut_into_the_same(
    prefix: str, arguments: list[tuple[str | None, str]]
) -> None:
    assert shape(join(prefix, arguments)) == arguments


@given(AWKWARD.filter(bool), st.lists(st.tuples(st.text("ab:=\\", max_size=6), AWKWARD)))
@example("a", [("b", "=")])
def test_twisted_cuts_it_as_we_do(prefix: str, arguments: list[tuple[str, str]]) -> None:
    positional, named = twistedEndpoints._parse(join(prefix, arguments))
    assert positional == [prefix]
    assert named == dict(arguments)


@given(AWKWARD)
def test_any_text_is_cut_or_refused(text: str) -> None:
    with suppress(EndpointStringError):
        assert cut(text).text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' at character 1: it must begin with its kind and a colon, as 'tcp:8124' does"),
        (":1", "':1' at character 1: it must begin with its kind and a colon, as 'tcp:8124' does"),
        (
            "tcp:1\\",
            "'tcp:1\\\\' at character 6: nothing follows the backslash; write '\\\\' for one",
        ),
    ],
)
def test_the_error_says_where_and_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(EndpointStringError) as raised:
        cut(text)
    assert str(raised.value) == message


def test_quote_escapes_what_twisted_leaves_alone() -> None:
    assert quote("/a=b") == r"/a\=b"
    assert twistedEndpoints.quoteStringArgument("/a=b") == "/a=b"
