"""Addresses, packed for the kernel and open for people."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodenet.transports.udp_address import destination, shown, text, unpacked

PORTS = st.integers(0, 65_535)


@given(st.ip_addresses(v=4), PORTS)
def test_an_ipv4_address_is_the_same_when_it_comes_back(address, port):
    packed = destination(str(address), port, socket.AF_INET)
    assert unpacked(packed) == packed.raw == (str(address), port)


@given(st.ip_addresses(v=6), PORTS, st.integers(0, 2**32 - 1))
def test_an_ipv6_address_is_the_same_when_it_comes_back(address, port, scope):
    packed = destination(f"{address}%{scope}", port, socket.AF_INET6)
    host, *rest = unpacked(packed)
    assert (ipaddress.ip_address(host), rest) == (address, [port, 0, scope])


@pytest.mark.parametrize(
    ("address", "family"),
    [("::1", socket.AF_INET), ("127.0.0.1", socket.AF_INET6), ("x", socket.AF_INET)],
)
def test_an_address_of_the_other_family_is_none(address, family):
    with pytest.raises(OSError, match="Errno 22"):
        destination(address, 9, family)


def test_a_zone_is_shown_by_its_name_while_there_is_such_an_interface():
    index = socket.if_nametoindex("lo")
    assert shown(("fe80::1", 9, 0, index)) == ("fe80::1%lo", 9)
    assert shown(("fe80::1", 9, 0, 0xFFFF)) == ("fe80::1%65535", 9)
    assert shown(("fe80::1", 9, 0, 0)) == ("fe80::1", 9)
    assert shown(("fe80::1", 9)) == ("fe80::1", 9)  # as Twisted has it


def test_a_zone_beyond_all_interfaces_is_none():
    assert destination("fe80::1%4294967296", 9, socket.AF_INET6).raw == ("fe80::1", 9, 0, 0)


def test_addresses_for_people():
    assert text(("127.0.0.1", 53)) == "127.0.0.1:53"
    assert text(("::1", 53, 0, 0)) == "[::1]:53"
