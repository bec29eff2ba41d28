"""A BlockList against one that looks at every rule, whatever is added, removed and asked."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nodenet.addresses import BlockList

AnyAddress = IPv4Address | IPv6Address


class PlainList:
    """Rules in a list; an address is compared with each."""

    def __init__(self) -> None:
        self.rules: list[tuple[Any, ...]] = []

    def check(self, address: AnyAddress) -> bool:
        return any(getattr(self, rule[0])(address, *rule[1:]) for rule in self.rules)

    def Address(self, address: AnyAddress, blocked: AnyAddress) -> bool:
        return order(address, blocked) == 0

    def Range(self, address: AnyAddress, start: AnyAddress, end: AnyAddress) -> bool:
        return order(address, start) in (0, 1) and order(address, end) in (0, -1)

    def Subnet(self, address: AnyAddress, network: AnyAddress, prefix: int) -> bool:
        bits = prefix + (96 if network.version == 4 else 0)
        return as_ipv6(address) >> (128 - bits) == as_ipv6(network) >> (128 - bits)


def order(one: AnyAddress, other: AnyAddress) -> int | None:
    """-1, 0 or 1; None where an IPv4 address meets an IPv6 address that is not mapped."""
    if one.version != other.version and not (is_ipv4(one) and is_ipv4(other)):
        return None
    left, right = as_ipv6(one), as_ipv6(other)
    return (left > right) - (left < right)


def is_ipv4(address: AnyAddress) -> bool:
    return isinstance(address, IPv4Address) or address.ipv4_mapped is not None


def as_ipv6(address: AnyAddress) -> int:
    return int(address) + (0xFFFF << 32 if address.version == 4 else 0)


# Few addresses, close together, at the ends and around the IPv4-mapped ones: rules must meet.
numbers = st.integers(0, 12) | st.integers(2**32 - 4, 2**32 - 1)
ipv4 = numbers.map(IPv4Address)
ipv6 = (
    numbers.map(lambda number: IPv6Address(number + (0xFFFF << 32)))
    | st.integers(-3, 3).map(lambda number: IPv6Address((0xFFFF << 32) + number))
    | st.integers(0, 3).map(IPv6Address)
    | st.integers(2**128 - 3, 2**128 - 1).map(IPv6Address)
)
addresses = ipv4 | ipv6


@st.composite
def rules(draw: st.DrawFn) -> tuple[Any, ...]:
    kind = draw(st.sampled_from(["Address", "Range", "Subnet"]))
    if kind == "Address":
        return kind, draw(addresses)
    if kind == "Range":
        ends = draw(st.tuples(ipv4, ipv4) | st.tuples(ipv6, ipv6))
        return kind, min(ends), max(ends)
    network = draw(addresses)
    return kind, network, draw(st.integers(0, network.max_prefixlen))


steps = st.tuples(st.sampled_from(["add", "add", "remove", "check"]), rules(), addresses)


@given(st.lists(steps, max_size=40))
def test_it_blocks_what_its_rules_block(steps: list[tuple[str, Any, AnyAddress]]) -> None:
    blocked, plain = BlockList(), PlainList()
    for step, rule, address in steps:
        if step == "check":
            assert check(blocked, address) == plain.check(address)
            continue
        call(blocked, step, rule)
        if step == "add":
            plain.rules.append(rule)
        else:
            plain.rules = [one for one in plain.rules if one != rule]
    assert len(blocked) == len(plain.rules)
    for address in {address for _, _, address in steps}:
        assert check(blocked, address) == plain.check(address)


@given(st.lists(rules(), max_size=40), st.sets(addresses, max_size=20))
def test_one_at_a_time_and_all_at_once_are_the_same(
    added: list[tuple[Any, ...]], asked: set[AnyAddress]
) -> None:
    slowly, at_once = BlockList(), BlockList()
    for rule in added:
        call(slowly, "add", rule)
        slowly.check("0.0.0.0")
    at_once.fromJSON(slowly.rules[::-1])
    assert slowly.rules == at_once.rules
    for address in asked:
        assert check(slowly, address) == check(at_once, address)


def call(blocked: BlockList, what: str, rule: tuple[Any, ...]) -> None:
    kind, first, *rest = rule
    arguments = [one if isinstance(one, int) else str(one) for one in rest]
    getattr(blocked, what + kind)(str(first), *arguments, f"ipv{first.version}")


def check(blocked: BlockList, address: AnyAddress) -> bool:
    assert ip_address(address.packed) == address
    return blocked.check(str(address), f"ipv{address.version}")
