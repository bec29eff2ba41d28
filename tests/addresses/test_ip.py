"""What is an IP address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodenet.addresses import isIP, isIPv4, isIPv6


class TestIPv4:
    @pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0", "255.255.255.255"])
    def test_four_decimal_numbers_are_one(self, text: str) -> None:
        assert (isIP(text), isIPv4(text), isIPv6(text)) == (4, True, False)

    @pytest.mark.parametrize(
        "text",
        ["127.000.000.001", "127.0.0.1/24", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4%lo", ""],
    )
    def test_anything_else_is_none(self, text: str) -> None:
        assert (isIP(text), isIPv4(text), isIPv6(text)) == (0, False, False)

    @pytest.mark.parametrize("text", [" 1.2.3.4", "1.2.3.4\n", "1.2.3.4\0", "\u0661.2.3.4"])
    def test_nothing_may_stand_around_it(self, text: str) -> None:
        assert isIP(text) == 0


class TestIPv6:
    @pytest.mark.parametrize("text", ["::", "::1", "1:2:3:4:5:6:7::", "ABCD::ef", "::ffff:1.2.3.4"])
    def test_groups_are_one_with_or_without_a_gap_and_an_ipv4_tail(self, text: str) -> None:
        assert (isIP(text), isIPv4(text), isIPv6(text)) == (6, False, True)

    @pytest.mark.parametrize("text", ["1::2::3", ":::", "::12345", "1:2:3:4:5:6:7", "::01.2.3.4"])
    def test_anything_else_is_none(self, text: str) -> None:
        assert isIP(text) == 0

    @pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::1%1", "::1%e-th.0:1"])
    def test_a_zone_may_follow(self, text: str) -> None:
        assert isIP(text) == 6

    @pytest.mark.parametrize("text", ["::1%", "::1%a%b", "::1%a b", "::1%é", "%lo", "::1%a\n"])
    def test_a_zone_has_letters_digits_dots_dashes_and_colons(self, text: str) -> None:
        assert isIP(text) == 0


class TestOtherValues:
    def test_they_are_judged_by_their_text(self) -> None:
        assert isIP(b"127.0.0.1") == 4
        assert isIP(["::1"]) == 6
        assert isIP(IPv6Address("::1")) == 6

    @pytest.mark.parametrize("value", [None, 1, 1.5, True, [], ["::1", "::2"], b"\xff", object()])
    def test_which_is_seldom_an_address(self, value: object) -> None:
        assert isIP(value) == 0


@given(st.ip_addresses())
def test_what_the_standard_library_writes_is_an_address(
    address: IPv4Address | IPv6Address,
) -> None:
    assert isIP(str(address)) == address.version
    assert isIP(address.exploded) == address.version


@given(st.text(st.sampled_from("0123456789abcdefF:.%x \n")))
def test_the_versions_exclude_each_other(text: str) -> None:
    assert isIP(text) == (4 if isIPv4(text) else 6 if isIPv6(text) else 0)
    assert not (isIPv4(text) and isIPv6(text))


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    isIP(text)


def test_no_number_is_an_address_however_long() -> None:
    assert [isIP(value) for value in (1, 1.2, 10**5000, True)] == [0, 0, 0, 0]
