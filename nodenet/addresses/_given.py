"""What users give to a BlockList, checked and made into rules.

Law: a `SocketAddress` brings its own family; text is of the family that was named. What is wrong is
found in Node's order and told in Node's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nodenet.addresses._rules import AddressRule, RangeRule, Rule, SubnetRule, is_behind
from nodenet.addresses.ip import pack_unzoned
from nodenet.addresses.socket_address import FAMILIES, SocketAddress, check_family
from nodenet.errors import ERR_INVALID_ADDRESS, ERR_INVALID_ARG_VALUE
from nodenet.options import checkInt32, checkString

Address = str | SocketAddress
"""An address as users give it."""

_match_rule: Callable[[str], re.Match[str] | None] = re.compile(
    r"(?:Address: |(?P<range>Range: )|(?P<subnet>Subnet: ))(?P<family>IPv[46]) (?P<first>[^-/ ]+)"
    r"(?(range)-(?P<last>[^-/ ]+))(?(subnet)/(?P<prefix>[0-9]{1,3}))"
).fullmatch


def lookup(address: Any, family: Any) -> bytes | None:
    """Pack text that is to be checked; None where there is no such address or family."""
    checkString(address, "address")
    number = FAMILIES.get(_family(family).lower())
    return None if number is None else pack_unzoned(address, number)


def address_rule(address: Any, family: Any) -> AddressRule:
    """Make a rule of the arguments of ``addAddress``."""
    return AddressRule(_packed(address, "address", family))


def range_rule(start: Any, end: Any, family: Any) -> RangeRule:
    """Make a rule of the arguments of ``addRange``."""
    rule = RangeRule(_packed(start, "start", family), _packed(end, "end", family))
    if is_behind(*rule):
        raise ERR_INVALID_ARG_VALUE("start", start, "must come before end")
    return rule


def subnet_rule(network: Any, prefix: Any, family: Any) -> SubnetRule:
    """Make a rule of the arguments of ``addSubnet``."""
    packed = _packed(network, "network", family)
    return SubnetRule(packed, checkInt32(prefix, "prefix", 0, len(packed) * 8))


def cidr_rule(cidr: Any) -> SubnetRule:
    """Make a rule of ``10.0.0.0/8``."""
    network, _, prefix = checkString(cidr, "cidr").partition("/")
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3):
        raise ERR_INVALID_ARG_VALUE("cidr", cidr, "must be an address, a slash and a prefix")
    return subnet_rule(network, int(prefix), _apparent_family(network))


def read_rule(text: str) -> Rule:
    """Make a rule of the text of one."""
    match = _match_rule(text)
    if match is None:
        raise ERR_INVALID_ARG_VALUE("data", text, "must be written like a rule")
    first, last, prefix, family = match.group("first", "last", "prefix", "family")
    if last:
        return range_rule(
            SocketAddress(address=first, family=family),
            SocketAddress(address=last, family=_apparent_family(last)),
            None,
        )
    return subnet_rule(first, int(prefix), family) if prefix else address_rule(first, family)


def _packed(address: Any, name: str, family: Any) -> bytes:
    if isinstance(address, SocketAddress):
        return address.packed
    checkString(address, name)
    number = FAMILIES[check_family(_family(family), "options.family")]
    packed = pack_unzoned(address, number)
    if packed is None:
        raise ERR_INVALID_ADDRESS
    return packed


def _family(family: Any) -> str:
    return "ipv4" if family is None else checkString(family, "family")


def _apparent_family(address: str) -> str:
    return "ipv6" if ":" in address else "ipv4"
