"""Any string is an endpoint that can be written and read back, or an `EndpointStringError`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from certificates import certificate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet import reactor

from nodenet.endpoints import (
    Endpoint,
    EndpointStringError,
    TCPClientEndpoint,
    TCPServerEndpoint,
    TLSClientEndpoint,
    TLSServerEndpoint,
    UDPClientEndpoint,
    UDPServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
    clientFromString,
    datagramClientFromString,
    datagramServerFromString,
    parse,
    quote,
    serverFromString,
)
from nodenet.endpoints.client import ClientArguments
from nodenet.endpoints.datagram import DatagramArguments
from nodenet.endpoints.datagram_client import DatagramClientArguments
from nodenet.endpoints.stream import StreamServerArguments
from nodenet.options import declarations

SERVERS = (TCPServerEndpoint, TLSServerEndpoint, UNIXServerEndpoint, UDPServerEndpoint)
CLIENTS = (TCPClientEndpoint, TLSClientEndpoint, UNIXClientEndpoint)

AWKWARD = (
    "1e30", "-1e400", "9007199254740993", "9223372036854775807", "1" * 400, "1_000", " 7 ", "0b11",
    "\N{ARABIC-INDIC DIGIT THREE}", "\0", "\ud800", "a" * 5000, "@", "@\0", ",", "%", "*", "\n",
    "fe80::1%25", "1.2.3.4/33", "1.2.3.4-1.2.3.3", "0177.0.0.1", "255.255.255.255",
)  # fmt: skip
SPECIAL = st.sampled_from(
    ["", "nan", "inf", "Infinity", "1e400", "-0", "0x50", "1.5", "yes", "no", "race", "on", "660",
     "a", "@a", "/a", "udp6", "::1", "127.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9", "@/dev/null",
     "224.0.0.114", "TLS_METHOD", "PEM", "ff02::1,224.0.0.1", "ADDRCONFIG", *AWKWARD]
)  # fmt: skip
VALUES = SPECIAL | st.integers(-2, 2**33).map(str) | st.text(max_size=5)


def arguments(kind: type[Endpoint]) -> st.SearchStrategy[list[str]]:
    """Arguments of one kind of endpoint, by name and by place."""
    accepted = [*kind.arguments.names, "port", "host", "path", "bindAddress"]
    named = st.tuples(st.sampled_from(accepted), VALUES)
    by_place = st.integers(0, 65535).map(str) | VALUES
    return st.lists(
        by_place.map(quote) | named.map(lambda pair: f"{pair[0]}={quote(pair[1])}"), max_size=4
    )


def texts(*kinds: type[Endpoint]) -> st.SearchStrategy[str]:
    return st.sampled_from(kinds).flatmap(
        lambda kind: arguments(kind).map(lambda found: ":".join([kind.arguments.kind, *found]))
    )


@pytest.fixture(scope="module", autouse=True)
def where_the_key_is(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The default of ``privateKey`` is a file here, and so is ``PEM``."""
    directory = tmp_path_factory.mktemp("keys")
    own = certificate()
    for name in ("server.pem", "PEM"):
        (directory / name).write_bytes(own.dumpPEM() + own.privateKey.dump(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        yield


def read_back(read: Callable[[str], Any], text: str) -> None:
    with suppress(EndpointStringError):
        endpoint = read(text)
        again = read(str(endpoint))
        assert again == endpoint
        assert str(again) == str(endpoint)


@given(texts(*SERVERS))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_listens(text: str) -> None:
    read_back(parse, text)


@given(texts(*CLIENTS))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_connects(text: str) -> None:
    read_back(lambda text: clientFromString(reactor, text), text)


@given(texts(UDPClientEndpoint))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_sends(text: str) -> None:
    read_back(lambda text: datagramClientFromString(reactor, text), text)


@pytest.mark.parametrize("awkward", AWKWARD, ids=lambda text: ascii(text)[:20])
def test_any_option_by_itself(awkward: str) -> None:
    for kind, read in READERS.items():
        prefix = kind.arguments.kind
        where = "/a" if prefix == "unix" else "1" if kind in SERVERS else "h:1"
        for name in kind.arguments.names:
            read_back(read, f"{prefix}:{where}:{name}={quote(awkward)}")
        for place in ("port=1:host", "port", "path", "fd", "systemd"):
            read_back(read, f"{prefix}:{place}={quote(awkward)}")


KEYWORDS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-2, 2**33) | st.floats() | st.text(max_size=9)
)
KEYWORDS |= SPECIAL | st.just([]) | st.just(b"x") | st.just("race") | st.just("\0name")


@given(st.data(), st.sampled_from([*SERVERS, *CLIENTS, UDPClientEndpoint]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_keywords_that_are_accepted_are_written_and_read_back(
    data: st.DataObject, kind: type[Endpoint]
) -> None:
    accepted = declared(kind)
    names = data.draw(st.lists(st.sampled_from(accepted), max_size=3))
    options = {name: data.draw(KEYWORDS) for name in names}
    places = data.draw(st.sampled_from(PLACES[kind]))
    try:
        endpoint = kind(reactor, **{**places, **options})
    except (TypeError, ValueError):  # each of Node's errors is one of these
        return
    assert READERS[kind](str(endpoint)) == endpoint


def declared(kind: type[Endpoint]) -> list[str]:
    """The options of a kind by their own names."""
    return list(kind.arguments.options)


PLACES: dict[Any, list[dict[str, Any]]] = {
    UNIXServerEndpoint: [{"path": "/a"}, {"systemd": "a"}],
    UNIXClientEndpoint: [{"path": "/a"}],
    UDPServerEndpoint: [{"port": 1}, {"fd": 5}],
    UDPClientEndpoint: [{"host": "a", "port": 1}],
    TCPServerEndpoint: [{"port": 1}, {"systemd": 3}, {"fd": 4}],
    TLSServerEndpoint: [{"port": 1}],
    TCPClientEndpoint: [{"host": "a", "port": 1}],
    TLSClientEndpoint: [{"host": "a", "port": 1}],
}
READERS: dict[Any, Callable[[str], Any]] = {
    **dict.fromkeys(SERVERS, parse),
    **dict.fromkeys(CLIENTS, lambda text: clientFromString(reactor, text)),
    UDPClientEndpoint: lambda text: datagramClientFromString(reactor, text),
}

ANY = texts(*SERVERS, *CLIENTS) | st.text(max_size=20)
ANY |= st.text(alphabet="tcpudinxsl:=\\@/01y\0", max_size=20)
PREFIXES = st.sampled_from(["", "node:", "haproxy:", "haproxy:node:", "systemd:", "node:udp:"])


@given(PREFIXES, ANY)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_other_is_that_error_and_nothing_else(prefix: str, text: str) -> None:
    for read in (
        serverFromString,
        clientFromString,
        datagramServerFromString,
        datagramClientFromString,
    ):
        with suppress(EndpointStringError):
            read(reactor, prefix + text)


@pytest.mark.parametrize("kind", [*SERVERS, *CLIENTS])
def test_every_argument_of_a_string_is_a_keyword_too(kind: type[Endpoint]) -> None:
    with pytest.raises(TypeError, match="'nonsense' is no option"):
        kind(nonsense=1)
    for name in kind.arguments.names:
        with suppress(EndpointStringError):
            text = f"{kind.arguments.kind}:{name}=1"
            (parse if kind in SERVERS else lambda text: clientFromString(reactor, text))(text)


@pytest.mark.parametrize(
    ("declaration", "without"),
    [
        (StreamServerArguments, {"signal"}),
        (ClientArguments, {"lookup"}),
        (DatagramArguments, {"lookup", "signal"}),
        (DatagramClientArguments, {"lookup", "signal"}),
    ],
)
def test_only_functions_and_objects_have_no_text(declaration: type, without: set[str]) -> None:
    options = declarations(declaration)
    assert {name for name, option in options.items() if option.string is None} == without
