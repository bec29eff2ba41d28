"""`dns.lookup` answers, refuses and fails as Node's does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import dns
from nodenet.errors import NodeError

HOSTS = [
    *("127.0.0.1", "::1", "fe80::1%lo", "::ffff:1.2.3.4", "localhost", "LOCALHOST", "127.1", "0"),
    *("2130706433", "a..b", "1.2.3.4.5", "::1%", "[::1]", "127.0.0.1:80", "x" * 256, "a..b\0c"),
]
OPTIONS: list[Any] = [
    *(None, 4, 6, {}, {"all": True}, {"family": "IPv4"}, {"family": 6, "all": True}),
    {"family": 6, "hints": dns.V4MAPPED, "all": True},
    {"order": "ipv4first", "all": True},
    {"verbatim": False, "hints": dns.ADDRCONFIG},
]
WRONG: list[list[Any]] = [
    [5, "f"],
    [True, "f"],
    [[], "f"],
    [{}, "f"],
    *(["a", options, "f"] for options in ("4", True, 5, 4.5, -4)),
    *(["a", {"family": family}, "f"] for family in ("ipv4", "4", 5, True)),
    *(["a", {"hints": hints}, "f"] for hints in (1, 1.5, -1, "a", True)),
    *(["a", {key: 1}, "f"] for key in ("all", "verbatim", "order")),
    ["a", {"order": "x"}, "f"],
    ["a", {"family": 9, "hints": 1, "all": 1, "verbatim": 1, "order": 1}, "f"],
    ["a", {"family": 9, "all": 1, "verbatim": 1, "order": 1}, "f"],
    ["a", {"all": 1, "verbatim": 1, "order": 1}, "f"],
    ["a", {"verbatim": 1, "order": 1}, "f"],
    ["a"],
    ["a", 4],
    ["a", {}],
    ["a", 4, 5],
    ["", {}],
    ["127.0.0.1", {}],
    [5, 5, 5],
    *(["a", options, callback] for options in (9, {"family": 9}, None) for callback in (5, None)),
    *([hostname, 9, "f"] for hostname in ("", "127.0.0.1", None)),
]


def js(value: object) -> str:
    return json.dumps(value)


async def test_hosts_are_answered_alike(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for host in HOSTS:
            for options in OPTIONS:
                label = f"{host!r} {OPTIONS.index(options)}"
                answers[label] = ()
                dns.lookup(host, options, lambda *args, label=label: note(t, label, args))

    answers: dict[str, tuple[Any, ...]] = {}

    def note(t: Tracer, label: str, args: tuple[Any, ...]) -> None:
        answers[label] = args
        if all(answers.values()):
            for name, answer in answers.items():
                t(name, *answer)

    labels = [f"{host!r} " for host in HOSTS]
    await oracle.compare(
        f"""
        const hosts = {js(HOSTS)}, options = {js(OPTIONS)}, labels = {js(labels)}
        const lookup = (...args) => new Promise((done) => dns.lookup(...args, (...a) => done(a)))
        const asked = []
        hosts.forEach((host, h) => options.forEach((option, o) => asked.push([
          labels[h] + o, lookup(host, option),
        ])))
        for (const [label, answer] of asked) t(label, ...await answer)
        """,
        scenario,
    )


@pytest.mark.parametrize("options", [{}, {"all": True}, {"family": 6}, {"family": 6, "all": True}])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_empty_name_has_no_address(oracle: Oracle, options: dict[str, Any]) -> None:
    def scenario(t: Tracer) -> None:
        dns.lookup("", options, lambda *args: t("answer", *args))
        t("main")

    await oracle.compare(
        f"dns.lookup('', {js(options)}, (...args) => t('answer', ...args)); t('main')", scenario
    )


def test_wrong_arguments_are_refused_alike(oracle: Oracle) -> None:
    refused: Callable[..., None] = dns.lookup

    def callback(*_: object) -> None: ...

    def scenario(t: Tracer) -> None:
        for index, args in enumerate(WRONG):
            try:
                refused(*(callback if arg == "f" else arg for arg in args))
            except NodeError as error:
                t(str(index), error)

    oracle.compareSync(
        f"""
        const callback = () => {{}}
        {js(WRONG)}.forEach((args, index) => {{
          try {{
            dns.lookup(...args.map((arg) => arg === 'f' ? callback : arg))
          }} catch (error) {{ t(String(index), error) }}
        }})
        """,
        scenario,
    )


async def test_addresses_are_answered_in_the_next_tick(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        dns.lookup("127.1", lambda *_: t("name"))
        dns.lookup("127.0.0.1", lambda *_: t("address"))
        dns.lookup("x" * 256, lambda *_: t("no name"))
        t("main")

    await oracle.compare(
        """
        dns.lookup('127.1', () => t('name'))
        dns.lookup('127.0.0.1', () => t('address'))
        dns.lookup('x'.repeat(256), () => t('no name'))
        t('main')
        """,
        scenario,
    )


def test_the_hints_have_nodes_values(oracle: Oracle) -> None:
    oracle.compareSync(
        "t('hints', dns.ADDRCONFIG, dns.V4MAPPED, dns.ALL)",
        lambda t: t("hints", dns.ADDRCONFIG, dns.V4MAPPED, dns.ALL),
    )
