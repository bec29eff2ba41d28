"""SocketAddress against Node: its options, its errors and everything that `parse` reads."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from oracle import Oracle, Tracer

from nodenet.addresses import SocketAddress
from nodenet.errors import NodeError

IPV6 = ["fe80::1%lo", "fe80::1%1", "fe80::1%nope", "::1%", "::%lo", "%lo", "0:0::0001", "ABCD::EF"]
IPV6 += ["::ffff:1.2.3.4", "::1.2.3.4", "::ffff:0:1.2.3.4", "64:ff9b::1.2.3.4", "1:0:0:2:0:0:0:3"]
IPV6 += ["1:0:2:3:4:5:6:7", "0:1:2:3:4:5:6:7", "::102:304", "::ffff", "::1:0", "::0:1234"]
IPV6 += ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:0:0", "::ffff:ffff", "::fffe:1.2.3.4", "::01234"]
IPV6 += ["1:2:3:4:5:6:7:8%lo", "1::2::3", "1.2.3.4", "::1\0x", "::1%a\0b", ""]
PORTS: list[Any] = [-1, 0, 65535, 65536, 1.5, 80.0, True, [], [80], "80", "0x50", "", " ", "8 0"]
PORTS += ["1e2", "-0", "080", "0b11", "0o17", "\t80\n", "\u00a080", "1_0", "+5", "-5", "65536", "x"]

OPTIONS: list[Any] = [
    *({"address": text, "family": "ipv6"} for text in IPV6),
    *({"address": text} for text in ("1.2.3.4", "::1", "", "1.2.3", "01.2.3.4", "1.2.3.4\0", 5)),
    *({"family": family} for family in ("ipv6", "IPv6", 6, 4, "x", "", True)),
    {"family": "IPV4", "address": "1.2.3.4"},
    *({"port": port} for port in PORTS),
    *({"flowlabel": label} for label in (5, -1, 2**32, "1", 1.5, True, 0xFFFFF)),
    *({"flowlabel": label, "family": "ipv6"} for label in (5, -1, 2**32, 0xFFFFF, 7.0)),
    {"address": "12.12.12.12", "port": "x", "flowlabel": -1},
    {"family": "no", "address": 5, "port": -5},
    {"address": 5, "port": -5, "flowlabel": -5},
    {"address": "zz", "flowlabel": -5},
    {},
    [],
    5,
    "x",
]

PARSED = r"""
1.2.3.4|1.2.3.4:80|1.2.3.4:81|1.2.3.4:|1.2.3.4:00081|1.2.3.4:65536|1.2.3.4:8x|1.2.3.4: 81|1.2.3.4@
127.1:9|0x7f.1|2130706433|010.0.0.1|1.2.3.4.|1.2.3.4..|256|4294967296|1.65536|1.2.3.08|1.2.3|::1]
[::1]|[::1]:443|[::1]80|[1.2.3.4]|::1|[::1%lo]|[::ffff:1.2.3.4]:9|[1:2:3:4:5:6:7::]|[]|[::1|[::01]
a@1.2.3.4|a:b@1.2.3.4:9|a@b@1.2.3.4|a@[::1]:9|a/b@1.2.3.4|[::1]@1.2.3.4|1.2.3.4:5@6.7.8.9|@|:|?|/
1.2.3.4/8|1.2.3.4:9/x|1.2.3.4?x|1.2.3.4#x|1.2.3.4\x:9|//1.2.3.4|\\1.2.3.4|http://1.2.3.4|1.2.3.4:1:
localhost|example.com:80|xn--1|foo.0x1|-1|1,2|0x|0x.0X|00.0|0.0.0.0x100|1..2|.1|..|%31.2%2e3.4
1.2.3.4%00|%EF%BC%91.2.3.4|%FF.2.3.4|1.2.3.256|1.2.3.4.5|[::1.2.3]|[::1.2.3.04]|[1::2.3.4.5]
""".replace("\n", "|").split("|")
PARSED += [" 1.2.3.4", "1.2.3.4 ", "\t1.2.\n3.4:8\r1\n", "1.2.3.4\0", "\0001.2.3.4", "1.2.3.4\x7f"]
PARSED += ["1.2.3.4 \x00\x1f", "1.2.3.4\u00a0", "1.2.3.4\u00ad", "1.2\u200b.3.4", "[::\u00ad1]"]
PARSED += ["1.\u00ad2", "1.\u00ad", ".\u00ad", "1.\u00ad.2", "\u00ad", "1.2.3.4:8\u00ad1", "\ud800"]
PARSED += ["0" * 5000 + "1", "1.2.3.4:" + "0" * 5000 + "81", "1.2.3.4:" + "9" * 5000, "9" * 5000]
# digits, dots and letters that Unicode has besides ASCII's
PARSED += ["\uff11.2.3.4", "1\u30022\uff0e3\uff614", "\u2460.2.3.4", "\u24882.3.4", "0x\ufb00"]
PARSED += ["0\u21791", "\u00b2\u2075\u2075.1", "\u00bd", "\u0661.2", "\U0001d7cf.2", "1\u0301.2"]
PIECES = ["1", "12", "255", "256", "0", "00", "01", "0x", "0xf", ".", ".", ".", ".", ":", "::", "["]
PIECES += [
    "]",
    "[::1]",
    "@",
    "/",
    "\\",
    "?",
    "#",
    "%31",
    "%2e",
    "%",
    "a",
    "81",
    "443",
    "65536",
    " ",
]
PIECES += [" ", "1.2.3.4", "8", ":8", ":81", "-", "+", "\n", "\t", "\0", "\u00ad", "\ud800"]
PIECES += ["\uff11", "\u3002", "\uff0e", "\u0663", "\u2469", "\u2488", "\ufb00", "\u00e9"]


def seen(address: SocketAddress | None) -> Any:
    return None if address is None else address.toJSON()


def test_options_give_nodes_address_or_nodes_error(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for options in OPTIONS:
            try:
                t("made", seen(SocketAddress(options)))
            except NodeError as error:
                t("refused", error)

    oracle.compareSync(
        f"""
        for (const options of {json.dumps(OPTIONS)})
          try {{
            t('made', new net.SocketAddress(options).toJSON())
          }} catch (error) {{
            t('refused', error)
          }}
        """,
        scenario,
    )


def test_parse_reads_what_node_reads(oracle: Oracle, tmp_path: Path) -> None:
    random = Random(23)
    thrown = ["".join(random.choices(PIECES, k=random.randint(1, 8))) for _ in range(20_000)]
    texts = [*PARSED, *thrown]
    (tmp_path / "texts").write_text(json.dumps(texts))

    def scenario(t: Tracer) -> None:
        for text in texts:
            t("parse", json.dumps(text), seen(SocketAddress.parse(text)))

    trace = oracle.compareSync(
        f"""
        const plain = (text) => JSON.stringify(text).replace(/[^ -~]/g, (character) =>
          '\\\\u' + character.charCodeAt(0).toString(16).padStart(4, '0'))
        for (const text of JSON.parse(fs.readFileSync({json.dumps(str(tmp_path / "texts"))})))
          t('parse', plain(text), net.SocketAddress.parse(text)?.toJSON())
        """,
        scenario,
    )
    assert sum("address" in line for line in trace) > 1000


def test_values_are_recognised_as_in_node(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for value in (SocketAddress(), {"address": "1.2.3.4"}, "1.2.3.4", None, SocketAddress):
            t("is", SocketAddress.isSocketAddress(value))

    oracle.compareSync(
        """
        const SA = net.SocketAddress
        for (const value of [new SA(), { address: '1.2.3.4' }, '1.2.3.4', null, SA])
          t('is', SA.isSocketAddress(value))
        """,
        scenario,
    )
