"""Bad input at every door of `net`: the errors, their codes and messages are real Node's.

Each door is tried with every value, in JavaScript and in Python. What a door lets in is undone at
once; what it says later of things that do not exist is no bad input and not compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import net
from nodenet.net import _defaults
from nodenet.net._defaults import Defaults


def function(*args: Any) -> None:
    """A value that can be called."""


VALUES: dict[str, Any] = {
    "undefined": None,
    "true": True,
    "false": False,
    "0": 0,
    "-1": -1,
    "1.5": 1.5,
    "65536": 65536,
    "2 ** 31": 2**31,
    "2 ** 53": 2**53,
    "NaN": math.nan,
    "Infinity": math.inf,
    "''": "",
    "'x'": "x",
    "'1'": "1",
    "'-1'": "-1",
    "{}": {},
    "[]": [],
    "() => {}": function,
}

Door = tuple[str, Callable[[Any], Any]]


def option(constructor: str, make: Callable[..., Any], name: str) -> Door:
    """A door: one option of something."""
    return f"{constructor}({{ {name}: VALUE }})", lambda value: make({name: value})


def socket() -> net.Socket:
    """A socket that is not connected."""
    return net.Socket().on("error", function)


def dial(options: Any) -> Any:
    """Begin to connect to where nobody listens."""
    return socket().connect({"host": "127.0.0.1", "port": 1, **options})


CONSTRUCTING = [
    ("new net.Socket(VALUE)", net.Socket),
    *(
        option("new net.Socket", net.Socket, name)
        for name in (
            "allowHalfOpen",
            "highWaterMark",
            "keepAlive",
            "keepAliveInitialDelay",
            "noDelay",
            "signal",
            "blockList",
            "objectMode",
            "readableObjectMode",
            "writableObjectMode",
        )
    ),
    ("net.createServer(VALUE)", net.createServer),
    ("net.createServer({}, VALUE)", lambda value: net.createServer({}, value)),
    *(
        option("net.createServer", net.createServer, name)
        for name in (
            "allowHalfOpen",
            "pauseOnConnect",
            "highWaterMark",
            "keepAlive",
            "keepAliveInitialDelay",
            "noDelay",
            "blockList",
        )
    ),
]

_DIAL = "socket().connect({ host: '127.0.0.1', port: 1, NAME: VALUE })"
CONNECTING = [
    ("socket().connect(VALUE)", lambda value: socket().connect(value)),
    ("net.connect(VALUE)", net.connect),
    ("net.connect(VALUE, '127.0.0.1')", lambda value: net.connect(value, "127.0.0.1")),
    option("net.connect", net.connect, "port"),
    option("net.connect", net.connect, "path"),
    *(
        (_DIAL.replace("NAME", name), lambda value, name=name: dial({name: value}))
        for name in (
            "localAddress",
            "localPort",
            "autoSelectFamily",
            "autoSelectFamilyAttemptTimeout",
            "hints",
            "noDelay",
            "keepAlive",
        )
    ),
    (
        "net.connect({ host: '127.0.0.1', port: 1, timeout: VALUE })",
        lambda value: net.connect({"host": "127.0.0.1", "port": 1, "timeout": value}),
    ),
    (
        "net.connect({ host: 'localhost', port: 1, family: VALUE })",
        lambda value: net.connect({"host": "localhost", "port": 1, "family": value}),
    ),
    (
        "net.connect({ host: 'localhost', port: 1, hints: VALUE })",
        lambda value: net.connect({"host": "localhost", "port": 1, "hints": value}),
    ),
    (
        "net.connect({ host: VALUE, port: 1 })",
        lambda value: net.connect({"host": value, "port": 1}),
    ),
]

USING = [
    ("socket().setTimeout(VALUE)", lambda value: socket().setTimeout(value)),
    ("socket().setTimeout(5, VALUE)", lambda value: socket().setTimeout(5, value)),
    ("socket().setNoDelay(VALUE)", lambda value: socket().setNoDelay(value)),
    ("socket().setKeepAlive(VALUE)", lambda value: socket().setKeepAlive(value)),
    (
        "socket().setKeepAlive(true, VALUE)",
        lambda value: socket().setKeepAlive(True, value),
    ),
    ("socket().setEncoding(VALUE)", lambda value: socket().setEncoding(value)),
    (
        "socket().setDefaultEncoding(VALUE)",
        lambda value: socket().setDefaultEncoding(value),
    ),
    ("socket().write(VALUE)", lambda value: socket().write(value)),
    ("socket().write('x', VALUE)", lambda value: socket().write("x", value)),
    ("socket().end(VALUE)", lambda value: socket().end(value)),
    ("socket().end('x', VALUE)", lambda value: socket().end("x", value)),
    ("socket().push(VALUE)", lambda value: socket().push(value)),
    ("socket().unshift(VALUE)", lambda value: socket().unshift(value)),
    ("socket().on('data', VALUE)", lambda value: socket().on("data", value)),
    ("net.createServer().close(VALUE)", lambda value: net.createServer().close(value)),
]

DEFAULTS = [
    ("net.setDefaultAutoSelectFamily(VALUE)", net.setDefaultAutoSelectFamily),
    (
        "net.setDefaultAutoSelectFamilyAttemptTimeout(VALUE)",
        net.setDefaultAutoSelectFamilyAttemptTimeout,
    ),
    ("net.isIP(VALUE)", net.isIP),
    ("net.isIPv4(VALUE)", net.isIPv4),
    ("net.isIPv6(VALUE)", net.isIPv6),
    ("net.SocketAddress.parse(VALUE)", net.SocketAddress.parse),
    ("net.BlockList.isBlockList(VALUE)", net.BlockList.isBlockList),
    ("new net.BlockList().addAddress(VALUE)", lambda value: net.BlockList().addAddress(value)),
    (
        "new net.BlockList().addSubnet('1.2.3.4', VALUE)",
        lambda value: net.BlockList().addSubnet("1.2.3.4", value),
    ),
    (
        "new net.SocketAddress({ port: VALUE })",
        lambda value: net.SocketAddress({"port": value}),
    ),
]

_JS = """
const socket = () => new net.Socket().on('error', () => {})
const tried = (name, call) => {
  const undo = made => {
    if (made && made.on) made.on('error', () => {})
    if (made && made.destroy) made.destroy()
  }
  try {
    const made = call()
    undo(made)
    t(name, made !== null && typeof made === 'object' ? 'in' : made)
  } catch (error) {
    t(name, error)
  }
}
"""


def tried(t: Tracer, name: str, call: Callable[[], Any]) -> None:
    """The Python side of one try."""
    try:
        made = call()
    except Exception as error:
        t(name, error)
        return
    if isinstance(made, net.Socket | net.Server):
        made.on("error", lambda error: None)
    if isinstance(made, net.Socket):
        made.destroy()
    t(name, made if isinstance(made, bool | int | None) else "in")


# What the languages write or weigh differently: texts of values, null, what is true.
TEXTS = {"undefined", "true", "false", "NaN", "Infinity", "() => {}"}
LANGUAGE: dict[str, set[str]] = {
    "new net.Socket(VALUE)": {"0"},  # whatever stdin is
    "net.createServer(VALUE)": {"[]"},
    "socket().setEncoding(VALUE)": TEXTS,
    "socket().setDefaultEncoding(VALUE)": TEXTS,
    "socket().write(VALUE)": {"undefined"},
    "socket().push(VALUE)": {"undefined"},
    "socket().unshift(VALUE)": {"undefined"},
    "socket().write('x', VALUE)": TEXTS | {"{}", "[]"},
    "socket().end('x', VALUE)": TEXTS | {"{}", "[]"},
    "net.connect({ host: 'localhost', port: 1, hints: VALUE })": {"{}", "[]"},
    _DIAL.replace("NAME", "localAddress"): TEXTS,
    "net.connect({ host: VALUE, port: 1 })": {"NaN", "{}", "[]"},
}

# Where Node looks past a value that cannot be meant, or hands it to the kernel.
STRICTER: dict[str, set[str]] = {
    "net.connect({ path: VALUE })": {"false", "0", "NaN"},
    _DIAL.replace("NAME", "localPort"): {"-1", "1.5", "65536", "2 ** 31", "2 ** 53", "Infinity"},
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets as a default is forgotten."""
    monkeypatch.setattr(_defaults, "_defaults", Defaults({}))


@pytest.mark.parametrize(
    "door", CONSTRUCTING + CONNECTING + USING + DEFAULTS, ids=lambda door: str(door[0])
)
def test_a_door_refuses_what_it_refuses_on_node(oracle: Oracle, door: Door) -> None:
    js, call = door
    left_out = LANGUAGE.get(js, set()) | STRICTER.get(js, set())
    values = {name: value for name, value in VALUES.items() if name not in left_out}
    tries = [f"tried({name!r}, () => {js.replace('VALUE', name)})" for name in values]

    def scenario(t: Tracer) -> None:
        for name, value in values.items():
            tried(t, name, partial(call, value))

    oracle.compareSync("\n".join([_JS, *tries]), scenario)
