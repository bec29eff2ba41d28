"""The checks give Node's verdicts, in Node's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import options
from nodenet.errors import NodeError

LARGE = 2**53
VALUES: list[Any] = ["", "a", 0, 1, True, False, [], [1], {}, {"a": 1}]
PORTS: list[Any] = [0, 80, 80.0, 1.5, -1, 65535, 65536, True, None, [], "", " ", "80", "0", "x"]
#: Node's validator, nodenet's check, and the arguments: value, name, and what else it takes.
CASES: list[tuple[str, Callable[..., Any], list[Any]]] = [
    *(
        ("Integer", options.checkInteger, [value, "x", *bounds])
        for value in ("a", 1.5, 80.0, 7, -7, LARGE - 1, LARGE, -LARGE, True, None)
        for bounds in ([], [0], [0, 255])
    ),
    *(
        ("Int32", options.checkInt32, [value, "options.x", *bounds])
        for value in ("1", 1.5, -1, 5, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, False)
        for bounds in ([], [0], [0, 4])
    ),
    *(
        ("Uint32", options.checkUint32, [value, "x", positive])
        for value in (-1, 0, 1, 1.5, 2**32 - 1, 2**32, "5")
        for positive in (False, True)
    ),
    *(
        ("Number", options.checkNumber, [value, "x", *bounds])
        for value in ("1", 5, 6.5, True, -5)
        for bounds in ([], [6], [None, 4], [6, 7])
    ),
    *(
        (name, check, [value, "options.x"])
        for name, check in (
            ("String", options.checkString),
            ("Boolean", options.checkBoolean),
            ("Function", options.checkFunction),
            ("Object", options.checkObject),
            ("Array", options.checkArray),
            ("AbortSignal", options.checkAbortSignal),
            ("Buffer", options.checkBuffer),
        )
        for value in VALUES
    ),
    ("Object", options.checkObject, [None, "x"]),
    ("Array", options.checkArray, [[1], "x", 2]),
    ("OneOf", options.checkOneOf, [4, "x", [0, 4, 6]]),
    ("OneOf", options.checkOneOf, [5, "options.family", [0, 4, 6]]),
    ("OneOf", options.checkOneOf, [True, "x", [0, 1]]),
    ("OneOf", options.checkOneOf, ["a", "x", ["b", "c"]]),
    *(
        ("Port", options.checkPort, [value, "Port", allowZero])
        for value in PORTS
        for allowZero in (True, False)
    ),
]
TEXTS = [
    *("80", " 80\n", "+80", "-80", "80.0", "5.", ".5e1", "1e2", "1E-2", "1e400", "00080", "8_0"),
    *("0x50", "0X1f", "-0x1", "0x", "0b11", "0b2", "0o17", "0o8", "Infinity", "-Infinity", "inf"),
    *("", " ", "\u00a080\ufeff", "\u2003 8", "\u200b8", "\u0668\u0660", "nan", "NaN", "1 2", "1,5"),
    *("80\x00", "\x1f80", "\x8580", ".", "e5", "+", "--1", "0x5_0"),
]

VALIDATE = """
const told = require('child_process').execFileSync(process.execPath, ['--expose-internals', '-e', `
  const validators = require('internal/validators');
  console.log(JSON.stringify(JSON.parse(process.argv[1]).map(([name, args]) => {
    try {
      validators['validate' + name](...args.map((arg) => arg === null && name === 'Number'
        ? undefined : arg));
      return ['ok'];
    } catch ({ code, name, message }) { return [code, name, message] }
  })));
`, JSON.stringify(CASES)]);
JSON.parse(told).forEach((line, index) => t(String(index), ...line));
"""


def test_every_verdict_is_nodes(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for index, (_, check, args) in enumerate(CASES):
            try:
                check(*args)
            except NodeError as error:
                t(str(index), error.code, error.name, error.message)
            else:
                t(str(index), "ok")

    cases = json.dumps([(name, args) for name, _, args in CASES])
    oracle.compareSync(VALIDATE.replace("CASES", cases), scenario)


def test_numbers_are_read_as_javascript_reads_them(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for text in TEXTS:
            t(repr(text.encode()), options.toNumber(text))

    pairs = json.dumps([(repr(text.encode()), text) for text in TEXTS])
    oracle.compareSync(
        f"for (const [label, text] of {pairs}) t(label, Number(text))",
        scenario,
    )


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), memoryview(b"x")])
def test_a_buffer_is_seen_as_its_bytes(value: bytes) -> None:
    assert bytes(options.checkBuffer(value)) == b"x"


def test_a_signal_may_be_left_out() -> None:
    assert options.checkAbortSignal(None, "signal") is None


def test_integers_come_back_as_integers() -> None:
    assert repr(options.checkInteger(80.0, "x")) == "80"
    assert repr(options.checkPort(" 0x50 ")) == "80"
    assert repr(options.checkOneOf(4.0, "x", (0, 4, 6))) == "4"


def test_a_named_tuple_is_an_object() -> None:
    assert options.checkObject(options.Spelling(len, str), "x")  # type: ignore[arg-type]


def test_a_number_beyond_every_float_is_infinite() -> None:
    assert options.toNumber(10**400) == float("inf")
    assert options.toNumber(-(10**400)) == float("-inf")
