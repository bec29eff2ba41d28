"""Addresses that are not let in, and not connected to (``net.BlockList``).

Invariant: the edges are those of all rules that are not pending; `check` brings them up to date
before it looks. So adding many rules costs one sort, and adding one costs an insertion.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from socket import AF_INET, AF_INET6, inet_pton
from typing import TypeGuard

from nodenet.addresses._edges import include
from nodenet.addresses._given import (
    Address,
    address_rule,
    cidr_rule,
    lookup,
    range_rule,
    read_rule,
    subnet_rule,
)
from nodenet.addresses._rules import Rule
from nodenet.addresses.socket_address import SocketAddress
from nodenet.errors import ERR_INVALID_ARG_TYPE


class BlockList:
    """Rules that say which addresses are blocked (Node: Class ``net.BlockList``).

    Wherever an address is given, it is text or a `SocketAddress`, whose own family then counts and
    whose port does not. `family` is ``'ipv4'`` (the default) or ``'ipv6'``.

    The length of a list is the number of its rules, and iterating over it gives `rules`. Looking an
    address up takes a time that grows with the logarithm of that number; taking rules away makes
    the next look-up sort all that remain.
    """

    def __init__(self) -> None:
        self._rules: dict[Rule, list[int]] = {}
        self._added = 0
        self._pending: list[Rule] = []
        self._ipv4: list[bytes] = []
        self._ipv6: list[bytes] = []

    @staticmethod
    def isBlockList(value: object) -> TypeGuard[BlockList]:
        """Return whether a value is a BlockList (``BlockList.isBlockList``)."""
        return isinstance(value, BlockList)

    def check(self, address: Address, family: str | None = "ipv4") -> bool:
        """Say whether an address is blocked (``blockList.check``).

        Args:
            address: The address; one that is not valid is not blocked.
            family: Its family.

        Returns:
            Whether a rule matches it. IPv4-mapped IPv6 addresses match IPv4 rules too.

        Raises:
            ERR_INVALID_ARG_TYPE: `address` or `family` has the wrong type.
        """
        if self._pending:
            self._include_pending()
        if isinstance(address, str):
            try:
                if family == "ipv4":
                    return bisect_right(self._ipv4, inet_pton(AF_INET, address)) & 1 == 1
                if family == "ipv6":
                    return bisect_right(self._ipv6, inet_pton(AF_INET6, address)) & 1 == 1
            except (OSError, ValueError):
                return self._holds(lookup(address, family))  # with a zone, or malformed
        elif isinstance(address, SocketAddress):
            packed = address.packed
            return bisect_right(self._ipv4 if len(packed) == 4 else self._ipv6, packed) & 1 == 1
        return self._holds(lookup(address, family))

    def addAddress(self, address: Address, family: str | None = "ipv4") -> None:
        """Block one address (``blockList.addAddress``).

        Args:
            address: The address.
            family: Its family.

        Raises:
            ERR_INVALID_ADDRESS: `address` is no address of this family.
            ERR_INVALID_ARG_TYPE: An argument has the wrong type.
            ERR_INVALID_ARG_VALUE: There is no such family.
        """
        self._add(address_rule(address, family))

    def addRange(self, start: Address, end: Address, family: str | None = "ipv4") -> None:
        """Block a range of addresses (``blockList.addRange``).

        Args:
            start: The first address.
            end: The last address, which is blocked too.
            family: The family of both.

        Raises:
            ERR_INVALID_ADDRESS: One is no address of this family.
            ERR_INVALID_ARG_TYPE: An argument has the wrong type.
            ERR_INVALID_ARG_VALUE: There is no such family, or `start` comes after `end`.
        """
        self._add(range_rule(start, end, family))

    def addSubnet(self, network: Address, prefix: int, family: str | None = "ipv4") -> None:
        """Block a subnet (``blockList.addSubnet``).

        Args:
            network: Any address of the subnet.
            prefix: How many bits its addresses share: 0 to 32, or to 128 for IPv6.
            family: The family.

        Raises:
            ERR_INVALID_ADDRESS: `network` is no address of this family.
            ERR_INVALID_ARG_TYPE: An argument has the wrong type.
            ERR_INVALID_ARG_VALUE: There is no such family.
            ERR_OUT_OF_RANGE: `prefix` is out of range.
        """
        self._add(subnet_rule(network, prefix, family))

    def addCIDR(self, cidr: str) -> None:
        """Block a subnet in CIDR notation. Not in Node.

        Args:
            cidr: Such as ``'10.0.0.0/8'`` or ``'2001:db8::/32'``.

        Raises:
            ERR_INVALID_ARG_TYPE: `cidr` is no text.
            ERR_INVALID_ARG_VALUE: `cidr` has no prefix.
            ERR_INVALID_ADDRESS: What comes before the prefix is no address.
            ERR_OUT_OF_RANGE: The prefix is out of range.
        """
        self._add(cidr_rule(cidr))

    def removeAddress(self, address: Address, family: str | None = "ipv4") -> bool:
        """Take back `addAddress`, however often it was called with this address. Not in Node.

        The address stays blocked while another rule matches it.

        Returns:
            Whether there was such a rule.
        """
        return self._remove(address_rule(address, family))

    def removeRange(self, start: Address, end: Address, family: str | None = "ipv4") -> bool:
        """Take back `addRange`; see `removeAddress`. Not in Node."""
        return self._remove(range_rule(start, end, family))

    def removeSubnet(self, network: Address, prefix: int, family: str | None = "ipv4") -> bool:
        """Take back `addSubnet` with this very address and prefix; see `removeAddress`."""
        return self._remove(subnet_rule(network, prefix, family))

    def clear(self) -> None:
        """Take away all rules. Not in Node."""
        self._rules.clear()
        self._forget()

    def toJSON(self) -> list[str]:
        """Return the rules (Node 24: ``blockList.toJSON``)."""
        return self.rules

    def fromJSON(self, data: str | list[str]) -> None:
        """Add rules that are written as in `rules` (Node 24: ``blockList.fromJSON``).

        They are added one after the other, so `rules` has them in the opposite order. Unlike
        Node's, this takes back all that `toJSON` gives, and adds nothing when it raises.

        Args:
            data: A list of rules, or a JSON array of them as text.

        Raises:
            ERR_INVALID_ARG_TYPE: `data` is neither.
            ERR_INVALID_ARG_VALUE: One is not written like a rule.
            ERR_INVALID_ADDRESS: One has something that is no address.
            ERR_OUT_OF_RANGE: One has a prefix that is out of range.
            json.JSONDecodeError: The text is no JSON.
        """
        texts = json.loads(data) if isinstance(data, str) else data
        if not isinstance(texts, (list, tuple)) or not all(isinstance(one, str) for one in texts):
            raise ERR_INVALID_ARG_TYPE("data", ["string", "string[]"], texts)
        for rule in [read_rule(text) for text in texts]:
            self._add(rule)

    @property
    def rules(self) -> list[str]:
        """The rules as text, the latest first (``blockList.rules``)."""
        numbered = [(number, rule) for rule, numbers in self._rules.items() for number in numbers]
        return [str(rule) for _, rule in sorted(numbered, reverse=True)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rules)

    def __len__(self) -> int:
        return sum(map(len, self._rules.values()))

    __contains__ = None  # an address or a rule? use `check`

    def __repr__(self) -> str:
        return f"<BlockList of {len(self)} rules>"

    def _holds(self, packed: bytes | None) -> bool:
        if packed is None:
            return False
        return bisect_right(self._ipv4 if len(packed) == 4 else self._ipv6, packed) & 1 == 1

    def _add(self, rule: Rule) -> None:
        self._added += 1
        self._rules.setdefault(rule, []).append(self._added)
        self._pending.append(rule)

    def _remove(self, rule: Rule) -> bool:
        found = self._rules.pop(rule, None) is not None
        if found:
            self._forget()
        return found

    def _forget(self) -> None:
        self._ipv4, self._ipv6 = [], []
        self._pending = list(self._rules)

    def _include_pending(self) -> None:
        spans = [rule.spans for rule in self._pending]
        self._ipv4 = include(self._ipv4, [ipv4 for ipv4, _ in spans if ipv4])
        self._ipv6 = include(self._ipv6, [ipv6 for _, ipv6 in spans if ipv6])
        self._pending = []
