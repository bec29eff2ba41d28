"""The PROXY header: as a receiver reads it, byte for byte as the protocol has it, and as sent."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine import NEEDS_IPV6
from services.relays import TCP, Relays, everything, port
from twisted.internet.defer import Deferred
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser

from nodenet import net
from nodenet.services._proxy_header import NOWHERE, Ends, proxyHeader

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
PORTS = st.integers(1, 65535)
PARSERS = {1: V1Parser, 2: V2Parser}


def parsed(version: int, header: bytes) -> Any:
    """What Twisted's parser makes of a header, with something behind it."""
    info, rest = PARSERS[version]().feed(header + b"GET / HTTP/1.1")
    assert rest == b"GET / HTTP/1.1"
    return info


@pytest.mark.parametrize(
    ("version", "ends", "header"),
    [
        (
            1,
            Ends("192.0.2.7", 56324, "198.51.100.1", 443),
            b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
        ),
        (
            1,
            Ends("2001:db8::7", 1, "2001:db8::1", 65535),
            b"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n",
        ),
        (1, NOWHERE, b"PROXY UNKNOWN\r\n"),
        (
            2,
            Ends("192.0.2.7", 56324, "198.51.100.1", 443),
            SIGNATURE + bytes.fromhex("21 11 000c c0000207 c6336401 dc04 01bb"),
        ),
        (
            2,
            Ends("2001:db8::7", 1, "2001:db8::1", 65535),
            SIGNATURE
            + bytes.fromhex("21 21 0024")
            + bytes.fromhex("20010db8000000000000000000000007 20010db8000000000000000000000001")
            + bytes.fromhex("0001 ffff"),
        ),
        (2, NOWHERE, SIGNATURE + bytes.fromhex("20 00 0000")),
    ],
)
def test_it_is_byte_for_byte_the_protocols(version: int, ends: Ends, header: bytes) -> None:
    assert proxyHeader(version, ends) == header


def test_a_client_of_a_unix_socket_has_come_to_its_path() -> None:
    header = proxyHeader(2, NOWHERE, "/run/app.sock")
    assert header[:16] == SIGNATURE + bytes.fromhex("21 31 00d8")
    assert header[16:124] == bytes(108)
    assert header[124:] == b"/run/app.sock".ljust(108, b"\0")
    assert parsed(2, header).destination.name == b"/run/app.sock"
    assert proxyHeader(1, NOWHERE, "/run/app.sock") == b"PROXY UNKNOWN\r\n"


@pytest.mark.parametrize("path", ["@name", "\0name"])
def test_an_abstract_name_begins_with_a_zero(path: str) -> None:
    assert proxyHeader(2, NOWHERE, path)[124:] == b"\0name".ljust(108, b"\0")


@pytest.mark.parametrize("version", [1, 2])
def test_who_came_as_ipv4_over_ipv6_is_told_as_ipv4(version: int) -> None:
    header = proxyHeader(version, Ends("::ffff:192.0.2.7", 5, "::ffff:192.0.2.1", 6))
    assert header == proxyHeader(version, Ends("192.0.2.7", 5, "192.0.2.1", 6))


@pytest.mark.parametrize("version", [1, 2])
def test_a_zone_means_nothing_to_others(version: int) -> None:
    header = proxyHeader(version, Ends("fe80::7%eth0\r\nX: y", 5, "fe80::1%eth0", 6))
    assert header == proxyHeader(version, Ends("fe80::7", 5, "fe80::1", 6))


@given(version=st.sampled_from([1, 2]), data=st.data())
def test_a_receiver_reads_what_was_meant(version: int, data: st.DataObject) -> None:
    addresses = st.ip_addresses(v=data.draw(st.sampled_from([4, 6])))
    source, destination = data.draw(addresses), data.draw(addresses)
    if any(getattr(one, "ipv4_mapped", None) for one in (source, destination)):
        return  # those have a test of their own
    ends = Ends(str(source), data.draw(PORTS), str(destination), data.draw(PORTS))
    info = parsed(version, proxyHeader(version, ends))
    assert ip_address(info.source.host) == source
    assert ip_address(info.destination.host) == destination
    assert (info.source.port, info.destination.port) == (ends.sourcePort, ends.destinationPort)


# -- a relay that sends it ----------------------------------------------------------------------


@pytest.mark.parametrize(("version", "parser"), [(1, V1Parser), (2, V2Parser)])
async def test_the_target_is_told_who_the_client_is(
    relays: Relays, version: int, parser: Any
) -> None:
    heard: Deferred[bytes] = Deferred()

    async def take(socket: net.Socket) -> None:
        heard.callback(await everything(socket))
        socket.end()

    service = relays.start(TCP, await relays.target(take), proxyProtocol=version)
    client = await relays.client(service)
    local = client.address()
    client.end(b"PROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n")
    info, rest = parser().feed(await heard)
    assert (info.source.host, info.source.port) == ("127.0.0.1", local.port)
    assert (info.destination.host, info.destination.port) == ("127.0.0.1", port(service))
    assert rest == b"PROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n"  # of the client, and so behind ours


@NEEDS_IPV6
async def test_ipv6_is_told_as_ipv6(relays: Relays) -> None:
    heard: Deferred[bytes] = Deferred()
    to = await relays.target(lambda one: one.once("data", heard.callback))
    service = relays.start(r"tcp:0:interface=\:\:1", to, proxyProtocol=1)
    client = net.createConnection(port(service), "::1")
    relays._keep(client)
    info, _ = V1Parser().feed(await heard)
    assert (info.source.host, info.source.port) == ("::1", client.localPort)


async def test_it_is_told_the_path_of_a_unix_socket(
    relays: Relays, socketPath: Callable[[str], str]
) -> None:
    heard: Deferred[bytes] = Deferred()
    to = await relays.target(lambda one: one.once("data", heard.callback))
    service = relays.start(f"unix:{socketPath('relay')}", to, proxyProtocol=2)
    await relays.client(service)
    info, _ = V2Parser().feed(await heard)
    assert info.destination.name == socketPath("relay").encode()
