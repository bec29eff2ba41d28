"""Block lists in endpoint strings."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.protocol import Factory

from nodenet import endpoints, net
from nodenet.endpoints import EndpointStringError, TCPServerEndpoint, UDPServerEndpoint, parse
from nodenet.events import once


def blocks(text: str) -> net.BlockList:
    found: net.BlockList = parse(text).options["blockList"]
    return found


def test_subnets_ranges_and_addresses_stand_between_commas() -> None:
    listed = blocks(r"tcp:1:blockList=10.0.0.0/8, 1.2.3.4-1.2.3.9,2001\:db8\:\:/32,\:\:1,5.5.5.5")
    for address in ("10.1.2.3", "1.2.3.6", "5.5.5.5"):
        assert listed.check(address)
    for address in ("2001:db8::7", "::1"):
        assert listed.check(address, "ipv6")
    assert not listed.check("11.0.0.1")


def test_a_file_has_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("# nobody from here\n10.0.0.0/8\n\n1.2.3.4 # nor him\n")
    text = f"tcp:1:blockList=@{tmp_path}/blocked"
    assert blocks(text).rules == ["Address: IPv4 1.2.3.4", "Subnet: IPv4 10.0.0.0/8"]
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an entry is empty"),
        ("10.0.0.0/8,,1.2.3.4", "an entry is empty"),
        ("10.0.0.0/33", "must hold addresses, ranges A-B or subnets A/N"),
        ("localhost", "must hold addresses, ranges A-B or subnets A/N"),
        ("@/no/such/file", "cannot read /no/such/file: No such file or directory"),
    ],
)
def test_what_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(EndpointStringError) as raised:
        parse(f"tcp:1:blockList={text}")
    assert raised.value.at == 16
    assert message in str(raised.value)


def test_an_error_in_a_file_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("# nobody from here\n\n10.0.0.0/8\n10.0.0.0/99\n")
    with pytest.raises(EndpointStringError, match=f"{tmp_path}/blocked:4: blockList must hold"):
        blocks(f"tcp:1:blockList=@{tmp_path}/blocked")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_bytes(b"\xff\xfe")
    with pytest.raises(EndpointStringError, match="it is no UTF-8 text"):
        blocks(f"tcp:1:blockList=@{tmp_path}/blocked")


def pipe(directory: Path) -> Path:
    os.mkfifo(directory / "pipe")
    return directory / "pipe"


def socketFile(directory: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(directory / "sock"))
    return directory / "sock"


@pytest.mark.parametrize(
    "make", [pipe, socketFile, lambda directory: directory, lambda _: Path("/dev/zero")]
)
def test_what_could_be_read_for_ever_is_refused(tmp_path: Path, make: Any) -> None:
    path = make(tmp_path)
    with pytest.raises(EndpointStringError) as raised:
        blocks(f"tcp:1:blockList=@{path}")
    assert str(raised.value).endswith(f"cannot read {path}: it is no regular file")


ENTRIES = st.ip_addresses().map(str)
ENTRIES |= st.ip_addresses(v=4).map("{}/8".format) | st.ip_addresses(v=6).map("{}/64".format)
ENTRIES |= st.lists(st.ip_addresses(v=4), min_size=2, max_size=2).map(
    lambda ends: "{}-{}".format(*sorted(ends))
)


@given(st.lists(ENTRIES, min_size=1, max_size=4))
def test_any_list_is_written_and_read_back(entries: list[str]) -> None:
    listed = parse("tcp:1:blockList=" + endpoints.quote(",".join(entries)))
    plain = net.BlockList()
    plain.fromJSON(listed.options["blockList"].rules[::-1])
    for endpoint in (listed, TCPServerEndpoint(port=1, blockList=plain)):
        assert parse(str(endpoint)) == endpoint == listed


async def test_who_is_blocked_is_not_heard() -> None:
    server = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1:blockList=127.0.0.0/8")
    port: Any = await server.listen(Factory())
    net_client = net.createConnection(port.getHost().port, "127.0.0.1")
    await once(net_client, "close")
    await port.stopListening()


def test_datagrams_have_two_lists() -> None:
    endpoint = parse("udp:1:receiveBlockList=10.0.0.0/8:sendBlockList=11.0.0.0/8")
    assert isinstance(endpoint, UDPServerEndpoint)
    assert endpoint.options["receiveBlockList"].check("10.0.0.1")
    assert endpoint.options["sendBlockList"].check("11.0.0.1")
