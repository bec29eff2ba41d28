"""BlockList: what Node has not, and what must hold at any size."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from nodenet.addresses import BlockList, SocketAddress
from nodenet.errors import (
    ERR_INVALID_ADDRESS,
    ERR_INVALID_ARG_TYPE,
    ERR_INVALID_ARG_VALUE,
    ERR_OUT_OF_RANGE,
)

MAPPED = SocketAddress(address="::ffff:1.2.3.4", family="ipv6")


@pytest.fixture
def blocked() -> BlockList:
    """A list with one rule of each kind, and one that overlaps."""
    blocked = BlockList()
    blocked.addAddress("123.123.123.123")
    blocked.addRange("10.0.0.1", "10.0.0.10")
    blocked.addSubnet("8592:757c:efae:4e45::", 64, "ipv6")
    blocked.addSubnet("10.0.0.0", 29)
    return blocked


class TestCheck:
    def test_finds_what_a_rule_matches(self, blocked: BlockList) -> None:
        assert blocked.check("123.123.123.123")
        assert blocked.check("10.0.0.10")
        assert not blocked.check("10.0.0.11")
        assert blocked.check("8592:757c:efae:4e45:ffff::", "ipv6")
        assert blocked.check("::ffff:7b7b:7b7b", "ipv6")
        assert blocked.check(SocketAddress(address="10.0.0.3", port=80))

    def test_an_empty_list_blocks_nothing(self) -> None:
        assert not BlockList().check("1.2.3.4")
        assert not BlockList().check("::1", "ipv6")

    @pytest.mark.parametrize(
        "text", ["", "x", "10.0.0.3 ", "010.0.0.3", "::ffff:10.0.0.3", "\ud800"]
    )
    def test_what_is_no_address_of_the_family_is_not_blocked(
        self, blocked: BlockList, text: str
    ) -> None:
        assert not blocked.check(text)

    def test_a_zone_makes_no_difference(self) -> None:
        blocked = BlockList()
        blocked.addAddress("fe80::1%eth0", "ipv6")
        assert blocked.check("fe80::1", "ipv6")
        assert blocked.check("fe80::1%eth1", "ipv6")

    def test_sees_a_rule_that_was_added_after_a_look(self, blocked: BlockList) -> None:
        assert not blocked.check("10.0.0.11")
        blocked.addAddress("10.0.0.11")
        assert blocked.check("10.0.0.11")

    def test_the_ends_of_the_address_space_can_be_blocked(self) -> None:
        blocked = BlockList()
        blocked.addAddress("255.255.255.255")
        blocked.addSubnet("ffff::", 16, "ipv6")
        assert blocked.check("255.255.255.255")
        assert blocked.check("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ipv6")
        assert not blocked.check("255.255.255.254")

    def test_asking_whether_it_contains_something_is_refused(self, blocked: BlockList) -> None:
        with pytest.raises(TypeError):
            "10.0.0.3" in blocked  # noqa: B015


class TestCIDR:
    def test_adds_a_subnet_of_the_family_that_it_is_written_in(self) -> None:
        blocked = BlockList()
        blocked.addCIDR("10.1.2.3/8")
        blocked.addCIDR("2001:db8::/32")
        assert blocked.rules == ["Subnet: IPv6 2001:db8::/32", "Subnet: IPv4 10.1.2.3/8"]

    @pytest.mark.parametrize(
        ("cidr", "error"),
        [
            ("10.0.0.0", ERR_INVALID_ARG_VALUE),
            ("10.0.0.0/", ERR_INVALID_ARG_VALUE),
            ("10.0.0.0/255.0.0.0", ERR_INVALID_ARG_VALUE),
            ("10.0.0.0/-1", ERR_INVALID_ARG_VALUE),
            ("10.0.0.0/8/8", ERR_INVALID_ARG_VALUE),
            ("10.0.0/8", ERR_INVALID_ADDRESS),
            ("10.0.0.0/33", ERR_OUT_OF_RANGE),
            ("::/129", ERR_OUT_OF_RANGE),
            (10, ERR_INVALID_ARG_TYPE),
        ],
    )
    def test_refuses_anything_else(self, cidr: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            BlockList().addCIDR(cidr)


class TestRemoving:
    def test_takes_back_what_was_added_and_says_whether_it_was(self, blocked: BlockList) -> None:
        assert blocked.removeAddress("123.123.123.123")
        assert not blocked.removeAddress("123.123.123.123")
        assert not blocked.check("123.123.123.123")
        assert blocked.removeSubnet("8592:757c:efae:4e45::", 64, "ipv6")
        assert not blocked.check("8592:757c:efae:4e45::", "ipv6")

    def test_leaves_blocked_what_another_rule_matches(self, blocked: BlockList) -> None:
        assert blocked.check("10.0.0.3")
        assert blocked.removeRange("10.0.0.1", "10.0.0.10")
        assert blocked.check("10.0.0.3")
        assert not blocked.check("10.0.0.10")

    def test_takes_back_a_rule_that_was_added_twice(self, blocked: BlockList) -> None:
        blocked.addAddress("123.123.123.123")
        assert len(blocked) == 5
        blocked.removeAddress("123.123.123.123")
        assert len(blocked) == 3

    def test_is_about_the_rule_and_not_about_what_it_matches(self, blocked: BlockList) -> None:
        assert not blocked.removeSubnet("10.0.0.1", 29)
        assert not blocked.removeAddress("::ffff:123.123.123.123", "ipv6")
        assert not blocked.removeRange("123.123.123.123", "123.123.123.123")

    def test_the_spelling_and_the_port_make_no_difference(self) -> None:
        blocked = BlockList()
        blocked.addAddress("2001:DB8::0", "IPV6")
        address = SocketAddress(address="2001:db8::", family="ipv6", port=80)
        assert blocked.removeAddress(address)

    def test_refuses_what_adding_refuses(self, blocked: BlockList) -> None:
        with pytest.raises(ERR_INVALID_ADDRESS):
            blocked.removeAddress("::1")

    def test_clear_takes_everything(self, blocked: BlockList) -> None:
        assert blocked.check("10.0.0.3")
        blocked.clear()
        assert blocked.rules == []
        assert not blocked.check("10.0.0.3")
        blocked.addAddress("10.0.0.3")
        assert blocked.check("10.0.0.3")


class TestCollection:
    def test_has_a_length_and_gives_its_rules(self, blocked: BlockList) -> None:
        assert len(blocked) == 4
        assert list(blocked) == blocked.rules

    def test_the_latest_rule_comes_first_and_repetitions_stay(self) -> None:
        blocked = BlockList()
        for last in (1, 2, 1):
            blocked.addAddress(f"10.0.0.{last}")
        assert [rule[-1] for rule in blocked.rules] == ["1", "2", "1"]

    def test_the_rules_are_a_list_of_ones_own(self, blocked: BlockList) -> None:
        blocked.rules.clear()
        assert len(blocked.rules) == 4

    def test_is_recognised(self, blocked: BlockList) -> None:
        assert BlockList.isBlockList(blocked)
        assert not BlockList.isBlockList(blocked.rules)

    def test_can_be_copied_and_pickled(self, blocked: BlockList) -> None:
        twin = copy.deepcopy(blocked)
        twin.clear()
        assert blocked.check("10.0.0.3")
        assert pickle.loads(pickle.dumps(blocked)).rules == blocked.rules


class TestJSON:
    def test_what_is_written_is_taken_back_in_the_opposite_order(self, blocked: BlockList) -> None:
        blocked.addAddress(MAPPED)
        blocked.addRange(MAPPED, SocketAddress(address="1.2.3.9"))
        text = json.dumps(blocked.toJSON())
        other = BlockList()
        other.fromJSON(text)
        assert other.rules == blocked.rules[::-1]
        other.clear()
        other.fromJSON(blocked.rules)
        assert other.check("1.2.3.7")
        assert other.check("10.0.0.3")

    def test_rules_are_added_to_those_there_are(self, blocked: BlockList) -> None:
        blocked.fromJSON(["Address: IPv4 9.9.9.9"])
        assert len(blocked) == 5
        assert blocked.rules[0] == "Address: IPv4 9.9.9.9"

    @pytest.mark.parametrize("data", [None, 5, {}, [5], "5", '{"a": 1}', '"Address: IPv4 1.2.3.4"'])
    def test_takes_a_list_of_texts_only(self, data: Any) -> None:
        with pytest.raises(ERR_INVALID_ARG_TYPE, match='"data" argument must be of type string'):
            BlockList().fromJSON(data)

    @pytest.mark.parametrize(
        ("rule", "error"),
        [
            ("nonsense", ERR_INVALID_ARG_VALUE),
            (" Address: IPv4 1.2.3.4", ERR_INVALID_ARG_VALUE),
            ("Address: IPv5 1.2.3.4", ERR_INVALID_ARG_VALUE),
            ("Address: IPv4 1.2.3.4/8", ERR_INVALID_ARG_VALUE),
            ("Subnet: IPv4 1.2.3.4", ERR_INVALID_ARG_VALUE),
            ("Range: IPv4 1.2.3.4", ERR_INVALID_ARG_VALUE),
            ("Range: IPv4 1.2.3.9-1.2.3.4", ERR_INVALID_ARG_VALUE),
            ("Address: IPv4 ::1", ERR_INVALID_ADDRESS),
            ("Subnet: IPv4 1.2.3.4/33", ERR_OUT_OF_RANGE),
        ],
    )
    def test_a_wrong_rule_is_an_error_and_none_is_added(
        self, rule: str, error: type[Exception]
    ) -> None:
        blocked = BlockList()
        with pytest.raises(error):
            blocked.fromJSON(["Address: IPv4 1.2.3.4", rule])
        assert blocked.rules == []

    def test_text_that_is_no_json_is_an_error(self) -> None:
        with pytest.raises(json.JSONDecodeError):
            BlockList().fromJSON("Address: IPv4 1.2.3.4")
