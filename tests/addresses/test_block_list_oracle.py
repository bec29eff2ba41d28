"""BlockList against Node: every rule against every address, the text of rules, the errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from oracle import Oracle, Tracer

from nodenet.addresses import BlockList, SocketAddress
from nodenet.errors import NodeError

ADDRESSES = ["0.0.0.0", "0.0.0.1", "1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.9", "1.2.4.0"]
ADDRESSES += ["127.255.255.255", "128.0.0.0", "255.255.255.255", "::", "::1", "::2", "::1.2.3.4"]
ADDRESSES += ["::fffe:255.255.255.255", "::ffff:0:0", "::ffff:1.2.3.3", "::ffff:1.2.3.4"]
ADDRESSES += ["::ffff:1.2.3.5", "::ffff:1.2.3.9", "::ffff:255.255.255.255", "::1:0:0:0"]
ADDRESSES += ["64:ff9b::1.2.3.4", "2001:db8::", "2001:db8::1", "2001:db8:0:1::", "2001:db9::"]
ADDRESSES += ["8000::", "fe80::1", "102:304::", "102:304:5::", ":".join(["ffff"] * 8)]
ODD = ["fe80::9%lo", "fe80::9%nope", "fe80::9%", "1.2.3.4\0x", "1.2.3.4 "]

HELPERS = """
const made = (text) =>
  new net.SocketAddress({ address: text, family: text.includes(':') ? 'ipv6' : 'ipv4' })
const listed = (add) => { const list = new net.BlockList(); add(list); return list }
"""


def made(text: str) -> SocketAddress:
    return SocketAddress(address=text, family="ipv6" if ":" in text else "ipv4")


def rules() -> Iterator[tuple[str, list[Any]]]:
    """Every address, every pair of addresses, every subnet of every address."""
    for address in ADDRESSES:
        yield "addAddress", [address]
        yield from (("addRange", [address, end]) for end in ADDRESSES)
        bits = 128 if ":" in address else 32
        yield from (("addSubnet", [address, prefix]) for prefix in range(bits + 1))


def test_the_families_cross_as_in_node(oracle: Oracle) -> None:
    addresses = [made(text) for text in ADDRESSES]

    def scenario(t: Tracer) -> None:
        for add, arguments in rules():
            blocked = BlockList()
            try:
                getattr(blocked, add)(*(made(a) if isinstance(a, str) else a for a in arguments))
            except NodeError as error:
                t("refused", arguments, error)
            else:
                matched = "".join(str(int(blocked.check(address))) for address in addresses)
                t("rule", blocked.rules[0], matched)

    trace = oracle.compareSync(
        f"""{HELPERS}
        const texts = {json.dumps(ADDRESSES)}
        const addresses = texts.map(made)
        const rules = texts.flatMap((text) => [
          ['addAddress', text],
          ...texts.map((end) => ['addRange', text, end]),
          ...Array.from({{ length: text.includes(':') ? 129 : 33 }},
            (_, prefix) => ['addSubnet', text, prefix]),
        ])
        for (const [add, ...args] of rules) {{
          try {{
            const list = listed((one) =>
              one[add](...args.map((arg) => typeof arg === 'string' ? made(arg) : arg)))
            const matched = addresses.map((address) => Number(list.check(address))).join('')
            t('rule', list.rules[0], matched)
          }} catch (error) {{
            t('refused', args, error)
          }}
        }}
        """,
        scenario,
    )
    assert len(trace) == 4224


def test_text_and_objects_get_the_same_answer(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        blocked = BlockList()
        blocked.addAddress("1.2.3.4")
        blocked.addSubnet("fe80::%lo", 64, "ipv6")
        blocked.addRange("::1", "::ffff:9.9.9.9", "IPv6")
        for text in [
            *ADDRESSES,
            "fe80::9%lo",
            "fe80::9%nope",
            "fe80::9%",
            "1.2.3.4\0x",
            "1.2.3.4 ",
        ]:
            for family in ("ipv4", "ipv6", "IPv4", "IPV6", "x", ""):
                t("check", text, family, blocked.check(text, family))
            t("check", text, blocked.check(text))

    oracle.compareSync(
        f"""{HELPERS}
        const list = new net.BlockList()
        list.addAddress('1.2.3.4')
        list.addSubnet('fe80::%lo', 64, 'ipv6')
        list.addRange('::1', '::ffff:9.9.9.9', 'IPv6')
        for (const text of {json.dumps([*ADDRESSES, *ODD])}) {{
          for (const family of ['ipv4', 'ipv6', 'IPv4', 'IPV6', 'x', ''])
            t('check', text, family, list.check(text, family))
          t('check', text, list.check(text))
        }}
        """,
        scenario,
    )


CALLS: dict[str, list[list[Any]]] = {
    "addAddress": [
        [5], [{}], [""], ["x"], ["1.2.3"], ["::1"], ["1.2.3.4"], ["::1", "ipv6"], ["1.2.3.4", 5],
        [5, 5], ["1.2.3.4", ""], ["1.2.3.4", "x"], ["x", "x"], ["ABCD::1%lo", "IPV6"],
        ["1.2.3.4", "IPv4"], ["1.2.3.4", "ipv6"], ["::ffff:1.2.3.4", "ipv6"], ["1.2.3.4\0", "ipv4"],
    ],
    "addRange": [
        [5, 6, 7], ["x", 6, 7], ["x", 6], ["1.2.3.4", 6, "x"], ["1.2.3.4", 6], ["1.2.3.4", "x"],
        ["1.2.3.5", "1.2.3.4"], ["1.2.3.4", "1.2.3.4"], ["::2", "::1", "ipv6"], ["1.2.3.4", "::1"],
        ["::1", "::ffff:1.2.3.4", "ipv6"],
    ],
    "addSubnet": [
        [5, "x", 7], ["x", "x"], ["1.2.3.4", "x", "x"], ["1.2.3.4", "24"], ["1.2.3.4", None],
        ["1.2.3.4", -1], ["1.2.3.4", 0], ["1.2.3.4", 32], ["1.2.3.4", 33], ["::1", 128, "ipv6"],
        ["::1", 129, "ipv6"], ["1.2.3.4", 1.5], ["1.2.3.4", 8.0], ["1.2.3.4", True],
    ],
    "check": [
        [5], [{}], [["1.2.3.4"]], ["x"], ["1.2.3.4", 5], ["x", 5], [5, 5], ["1.2.3.4", True],
    ],
}  # fmt: skip


def test_calls_are_refused_in_nodes_words_and_order(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for name, arguments in ((name, each) for name, calls in CALLS.items() for each in calls):
            blocked = BlockList()
            try:
                t("returned", getattr(blocked, name)(*arguments), blocked.rules)
            except NodeError as error:
                t("refused", error)

    oracle.compareSync(
        f"""
        const calls = {json.dumps(CALLS)}
        for (const name in calls) for (const args of calls[name]) {{
          const list = new net.BlockList()
          try {{
            t('returned', list[name](...args), list.rules)
          }} catch (error) {{
            t('refused', error)
          }}
        }}
        """,
        scenario,
    )


def test_the_rules_are_listed_latest_first_with_repetitions(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        blocked = BlockList()
        t("rules", blocked.rules)
        for address in ("1.2.3.4", "1.2.3.5", "1.2.3.4"):
            blocked.addAddress(address)
        blocked.addSubnet("1:2:3:4::5", 64, "ipv6")
        blocked.addRange(made("1.2.3.4"), made("::1"), "ipv6")
        blocked.addRange(made("::1"), "1.2.3.4")
        blocked.addSubnet(SocketAddress(address="9.8.7.6", port=5), 0)
        t("rules", blocked.rules)
        values: list[object] = [blocked, blocked.rules, None, {}, BlockList]
        t("is", *map(BlockList.isBlockList, values))

    oracle.compareSync(
        f"""{HELPERS}
        const list = new net.BlockList()
        t('rules', list.rules)
        for (const address of ['1.2.3.4', '1.2.3.5', '1.2.3.4']) list.addAddress(address)
        list.addSubnet('1:2:3:4::5', 64, 'ipv6')
        list.addRange(made('1.2.3.4'), made('::1'), 'ipv6')
        list.addRange(made('::1'), '1.2.3.4')
        list.addSubnet(new net.SocketAddress({{ address: '9.8.7.6', port: 5 }}), 0)
        t('rules', list.rules)
        t('is', ...[list, list.rules, null, {{}}, net.BlockList].map(net.BlockList.isBlockList))
        """,
        scenario,
    )
