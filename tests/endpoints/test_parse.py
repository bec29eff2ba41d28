"""What endpoint strings mean, and what is said about those that mean nothing."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint

from nodenet import endpoints
from nodenet.endpoints import (
    Endpoint,
    EndpointStringError,
    TCPServerEndpoint,
    UDPServerEndpoint,
    UNIXServerEndpoint,
    parse,
    serverFromString,
)
from nodenet.errors import ERR_INVALID_ARG_TYPE


def test_tcp() -> None:
    endpoint = parse("tcp:8124:interface=127.0.0.1")
    assert endpoint == TCPServerEndpoint(port=8124, host="127.0.0.1")
    assert str(endpoint) == "tcp:8124:interface=127.0.0.1"


def test_unix() -> None:
    assert parse("unix:address=/tmp/echo.sock") == parse("unix:/tmp/echo.sock")
    endpoint = parse("unix:/tmp/echo.sock:mode=660")
    assert endpoint == UNIXServerEndpoint(path="/tmp/echo.sock", mode=0o660)
    assert str(endpoint) == "unix:/tmp/echo.sock:mode=660"


def test_udp() -> None:
    endpoint = parse("udp:41234:interface=127.0.0.1")
    assert endpoint == UDPServerEndpoint(port=41234, address="127.0.0.1")
    assert str(endpoint) == "udp:41234:interface=127.0.0.1"


def test_an_ipv6_address_has_its_colons_escaped() -> None:
    endpoint = parse(r"udp:0:interface=\:\:1")
    assert isinstance(endpoint, UDPServerEndpoint)
    assert endpoint.type == "udp6"
    assert str(endpoint) == r"udp:0:interface=\:\:1"


def test_an_abstract_unix_name_begins_with_an_at_sign() -> None:
    endpoint = parse("unix:@name")
    assert isinstance(endpoint, UNIXServerEndpoint)
    assert endpoint == UNIXServerEndpoint(path="\0name")
    assert str(endpoint) == "unix:@name"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("tcp:80:backlog=5", {"port": 80, "backlog": 5}),
        ("tcp:port=80", {"port": 80}),
        ("tcp:80:host=::1".replace(":host=::", r":host=\:\:"), {"port": 80, "host": "::1"}),
        ("tcp:80:reusePort=yes:ipv6Only=on", {"port": 80, "reusePort": True, "ipv6Only": True}),
        ("tcp:80:noDelay=no", {"port": 80}),
        ("tcp:80:maxConnections=100", {"port": 80, "maxConnections": 100}),
        ("tcp:80:keepAlive=1:keepAliveInitialDelay=2500",
         {"port": 80, "keepAlive": True, "keepAliveInitialDelay": 2500}),
        ("tcp:80:allowHalfOpen=true", {"port": 80, "allowHalfOpen": True}),
        ("tcp:fd=3", {"fd": 3}),
        ("unix:/a:mode=600:writableAll=no", {"path": "/a", "mode": 0o600}),
        ("unix:path=/a\\=b", {"path": "/a=b"}),
        ("udp:1:reuseAddr=yes:recvBufferSize=65536",
         {"port": 1, "reuseAddr": True, "recvBufferSize": 65536}),
        ("udp:0", {"port": 0}),
    ],
)  # fmt: skip
def test_every_option_goes_by_its_node_name(text: str, options: dict[str, object]) -> None:
    assert dict(parse(text).options) == options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tcp:81x", "'tcp:81x' at character 5: port must be a number, not '81x'"),
        ("tcp:", "'tcp:' at character 5: port must be a number, not ''"),
        (
            "tcp:1:reusePrt=1",
            (
                "'tcp:1:reusePrt=1' at character 7: there is no argument 'reusePrt'; "
                "did you mean reusePort?"
            ),
        ),
        (
            "udp:1:reuseAddr=maybe",
            "'udp:1:reuseAddr=maybe' at character 17: reuseAddr must be yes or no, not 'maybe'",
        ),
        (
            "tcp:1:interface=a:interface=b",
            "'tcp:1:interface=a:interface=b' at character 19: interface is given twice",
        ),
        (
            "unix:/a:mode=888",
            "'unix:/a:mode=888' at character 14: mode must be octal digits such as 660, not '888'",
        ),
        ("tpc:1", "'tpc:1' at character 1: there is no kind 'tpc'; did you mean tcp?"),
        (
            "web:1",
            "'web:1' at character 1: there is no kind 'web'; there are tcp:, ssl:, unix:, udp:",
        ),
    ],
)
def test_the_error_says_what_is_wrong_and_where_and_what_would_be_right(
    text: str, message: str
) -> None:
    with pytest.raises(EndpointStringError) as raised:
        parse(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("tcp:65536", 4),
        ("tcp:-1", 4),
        ("tcp:1.5", 4),
        ("tcp:8124:127.0.0.1", 9),
        ("tcp:8124:interface=::1", 20),
        ("tcp:1:maxConnections=-1", 21),
        ("unix:", 5),
        ("unix:@", 5),
        ("unix:/" + "x" * 107, 5),
        ("udp:99999", 4),
        ("udp:1:type=udp5", 11),
        ("tcp:1:mode=660", 6),
        ("unix:/a:interface=127.0.0.1", 8),
    ],
)
def test_the_error_points_at_the_argument(text: str, at: int) -> None:
    with pytest.raises(EndpointStringError) as raised:
        parse(text)
    assert raised.value.at == at


@pytest.mark.parametrize("text", ["tcp", "unix", "udp", "tcp:backlog=5"])
def test_an_endpoint_must_be_somewhere(text: str) -> None:
    with pytest.raises(EndpointStringError, match="it does not say where"):
        parse(text)


def test_options_are_checked_when_an_endpoint_is_constructed() -> None:
    with pytest.raises(ValueError, match="port should be >= 0 and < 65536"):
        TCPServerEndpoint(port=70000)
    with pytest.raises(TypeError, match="'prot' is no option of tcp endpoints"):
        TCPServerEndpoint(prot=1)
    with pytest.raises(TypeError, match="one of these must be given: port, fd"):
        TCPServerEndpoint(host="::1")


NAMES = st.sampled_from(["port", "interface", "address", "backlog", "mode", "reusePort", "fd"])
NAMES |= st.sampled_from(["type", "highWaterMark", "maxConnections", "keepAliveInitialDelay"])
VALUES = st.sampled_from(["yes", "no", "660", "127.0.0.1", r"\:\:1", "udp6", "1e400", "1.5"])
VALUES |= st.integers(-2, 70000).map(str) | st.text(max_size=5)
TEXTS = st.builds(
    ":".join,
    st.tuples(
        st.sampled_from(["tcp", "unix", "udp"]),
        VALUES | st.integers(0, 65535).map(str),
        *[st.builds("{}={}".format, NAMES, VALUES)] * 2,
    ).flatmap(lambda parts: st.integers(1, 4).map(lambda length: parts[:length])),
)  # fmt: skip


@given(TEXTS)
def test_what_is_accepted_is_written_and_read_back(text: str) -> None:
    with suppress(EndpointStringError):
        endpoint = parse(text)
        assert parse(str(endpoint)) == endpoint


@given(st.text(alphabet="tcpudinx:=\\@/01y\0", max_size=20) | st.text(max_size=20))
def test_any_text_is_an_endpoint_or_an_endpoint_string_error(text: str) -> None:
    with suppress(EndpointStringError):
        assert isinstance(parse(text), Endpoint)


@given(st.text(min_size=1, max_size=30))
def test_any_path_is_written_and_read_back(path: str) -> None:
    with suppress(ValueError):
        endpoint = UNIXServerEndpoint(path=path)
        assert parse(str(endpoint)) == endpoint


def test_endpoints_are_values() -> None:
    assert len({parse("tcp:1"), parse("tcp:1"), parse("udp:1")}) == 2
    assert repr(parse("tcp:1")) == "<TCPServerEndpoint tcp:1>"
    assert parse("tcp:1", reactor) == parse("tcp:1")


def test_other_kinds_are_twisteds() -> None:
    assert isinstance(serverFromString(reactor, "tcp:1"), TCPServerEndpoint)
    with pytest.raises(EndpointStringError):
        serverFromString(reactor, "systemd:nonsense")
    read: Any
    for read, more in ((serverFromString, "systemd"), (endpoints.clientFromString, "ssl")):
        with pytest.raises(EndpointStringError, match=f"'nonsense'; there are tcp:, .*{more}:"):
            read(reactor, "nonsense:1")
    with pytest.raises(EndpointStringError, match=r"there is no kind ' TCP'; did you mean tcp\?"):
        serverFromString(reactor, " TCP:1")
    assert isinstance(endpoints.clientFromString(reactor, "TCP:a:1"), endpoints.TCPClientEndpoint)
    foreign = serverFromString(reactor, "haproxy:tcp:1")
    assert not isinstance(foreign, TCP4ServerEndpoint | SSL4ServerEndpoint | Endpoint)


def test_parsing_imports_no_reactor() -> None:
    program = (
        "import sys; from nodenet.endpoints import parse; parse('tcp:1:interface=127.0.0.1');"
        "sys.exit('twisted.internet.reactor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("value", [5, None, b"tcp:80", reactor])
@pytest.mark.parametrize(
    "read",
    [
        serverFromString,
        endpoints.clientFromString,
        endpoints.datagramServerFromString,
        endpoints.datagramClientFromString,
        lambda reactor, text: parse(text, reactor),
    ],
)
def test_what_is_no_text_is_named(read: Any, value: Any) -> None:
    with pytest.raises(ERR_INVALID_ARG_TYPE, match='The "text" argument must be of type string'):
        read(reactor, value)


def test_what_is_no_text_cannot_be_quoted() -> None:
    with pytest.raises(ERR_INVALID_ARG_TYPE, match='"value"'):
        endpoints.quote(5)  # type: ignore[arg-type]
