"""isIP against Node, over every shape of address and thousands of near misses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random

from oracle import Oracle, Tracer

from nodenet.addresses import isIP, isIPv4, isIPv6

TAILS = ["", "1.2.3.4", "01.2.3.4", "1.2.3.256"]
ZONES = ["", "%", "%lo", "%a:b", "%a%b", "%a.b-C9", "%a_b", "%a\n", "%é"]
NUMBERS = ["0", "1", "9", "00", "01", "10", "99", "100", "199", "200", "249", "250", "255", "256"]
NUMBERS += ["260", "300", "999", "1000", "", " 1", "1 ", "-1", "+1", "0x1", "1e1", "\u0663"]
GROUPS = ["1", "12", "255", "256", "0", "00", "01", "1234", "12345", "abcd", "ABCD", "g", "fFfF"]
PIECES = [*GROUPS, ":", ":", "::", "::", ".", ".", ":::", "%", "%", "%lo", "%25", "%e-h.0:1", "-"]
PIECES += ["1.2.3.4", "01.2.3.4", "1.2.3", "1.2.3.4.5", "x", "%_", "fe80", "/64", "ffff", "\n"]
PIECES += [" ", "\0", "", "\u0663", "\uff11"]


def shaped() -> Iterator[str]:
    """Every number of groups on each side of every gap, with every tail and zone."""
    for left, right, tail, zone in product(range(10), range(10), TAILS, ZONES):
        head = ":".join(["1"] * left)
        behind = ":".join(["2"] * right + [tail] * bool(tail)) + zone
        yield from (f"{head}{gap}{behind}" for gap in ("::", ":", ":::"))
        yield from (f":{head}::{behind}", f"{head}::{behind}:", f"::{head}::{behind}")


def dotted() -> Iterator[str]:
    """Every odd number at every place."""
    for number, place in product(NUMBERS, range(4)):
        numbers = ["1", "2", "3", "4"]
        numbers[place] = number
        yield ".".join(numbers)
        yield "::" + ".".join(numbers)


def thrown() -> Iterator[str]:
    """Pieces thrown together."""
    random = Random(23)
    for _ in range(20_000):
        yield "".join(random.choices(PIECES, k=random.randint(1, 10)))
        yield ":".join(random.choices(GROUPS, k=random.randint(6, 9)))


def test_every_text_has_nodes_verdict(oracle: Oracle, tmp_path: Path) -> None:
    texts = sorted({*shaped(), *dotted(), *thrown()})
    (tmp_path / "texts").write_text(json.dumps(texts))

    def scenario(t: Tracer) -> None:
        for text in texts:
            t("is", text, isIP(text), isIPv4(text), isIPv6(text))

    trace = oracle.compareSync(
        f"""
        for (const text of JSON.parse(fs.readFileSync({json.dumps(str(tmp_path / "texts"))})))
          t('is', text, net.isIP(text), net.isIPv4(text), net.isIPv6(text))
        """,
        scenario,
    )
    assert sum(" 4 " in line for line in trace) > 20
    assert sum(" 6 " in line for line in trace) > 300


def test_other_values_have_nodes_verdict(oracle: Oracle) -> None:
    class Text:
        def __str__(self) -> str:
            return "::1"

    def scenario(t: Tracer) -> None:
        for value in (None, 1, True, [], ["1.2.3.4"], [["::1"]], ["1.2.3.4", "::1"], b"1.2.3.4"):
            t("is", isIP(value))
        t("object", isIP(Text()))

    oracle.compareSync(
        """
        const bytes = Buffer.from('1.2.3.4')
        for (const value of [null, 1, true, [], ['1.2.3.4'], [['::1']], ['1.2.3.4', '::1'], bytes])
          t('is', net.isIP(value))
        t('object', net.isIP({ toString: () => '::1' }))
        """,
        scenario,
    )
