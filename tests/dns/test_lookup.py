"""Looking up hosts: answers, their order, and what a look-up does to the program."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread

from nodenet import dns, loop
from nodenet.dns import LookupAddress
from nodenet.testing import Guard

V4, V4_TOO = LookupAddress("192.0.2.1", 4), LookupAddress("192.0.2.2", 4)
V6, V6_TOO = LookupAddress("2001:db8::1", 6), LookupAddress("2001:db8::2", 6)


def looked_up(hostname: str, options: Any = None) -> Deferred[tuple[Any, ...]]:
    """What the callback is called with."""
    called: Deferred[tuple[Any, ...]] = Deferred()
    dns.lookup(hostname, options, lambda *args: called.callback(args))
    return called


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """A system that knows four addresses of every host, and notes what it is asked."""
    asked: list[tuple[Any, ...]] = []

    def getaddrinfo(*args: Any) -> list[Any]:
        asked.append((*args, isInIOThread()))
        return [
            (
                socket.AF_INET6 if known.family == 6 else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (known.address, 0, 0, 0)[: 2 if known.family == 4 else 4],
            )
            for known in (V6, V4, V6_TOO, V4_TOO)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        ({}, [V6, V4, V6_TOO, V4_TOO]),
        ({"verbatim": True}, [V6, V4, V6_TOO, V4_TOO]),
        ({"verbatim": False}, [V4, V4_TOO, V6, V6_TOO]),
        ({"order": "ipv4first"}, [V4, V4_TOO, V6, V6_TOO]),
        ({"order": "ipv6first"}, [V6, V6_TOO, V4, V4_TOO]),
        ({"order": "verbatim", "verbatim": False}, [V6, V4, V6_TOO, V4_TOO]),
    ],
)
async def test_addresses_come_in_the_order_that_was_asked_for(
    options: dict[str, Any], addresses: list[LookupAddress]
) -> None:
    assert await looked_up("host", {**options, "all": True}) == (None, addresses)
    assert await looked_up("host", options) == (None, *addresses[0])


@pytest.mark.parametrize(
    ("options", "family", "hints"),
    [
        (None, socket.AF_UNSPEC, 0),
        (4, socket.AF_INET, 0),
        (6, socket.AF_INET6, 0),
        ({"family": "IPv4"}, socket.AF_INET, 0),
        ({"family": "IPv6"}, socket.AF_INET6, 0),
        ({"hints": dns.ADDRCONFIG | dns.V4MAPPED}, socket.AF_UNSPEC, 32 | 8),
    ],
)
async def test_the_system_is_asked_in_a_thread(
    resolver: list[tuple[Any, ...]], options: Any, family: int, hints: int
) -> None:
    await looked_up("host", options)
    assert resolver == [(b"host", None, family, socket.SOCK_STREAM, 0, hints, False)]


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("bücher.example", b"xn--bcher-kva.example"),
        ("faß.example", b"xn--fa-hia.example"),
        ("BÜCHER。example", b"xn--bcher-kva.example"),
        ("💩.example", b"xn--ls8h.example"),
        ("\uff11\uff12\uff17.0.0.1", b"127.0.0.1"),
        ("UPPER.example", b"UPPER.example"),
    ],
)
async def test_names_beyond_ascii_are_encoded(
    resolver: list[tuple[Any, ...]], hostname: str, name: bytes
) -> None:
    await looked_up(hostname)
    assert resolver[0][0] == name


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize(
    ("hostname", "code"),
    [
        ("127.0.0.1\0.example", "ENOTFOUND"),
        ("x" * 256, "EINVAL"),
        ("\ud800.example", "EINVAL"),
        ("\u0301a.example", "EINVAL"),
    ],
)
async def test_names_that_nobody_can_have_are_not_asked_for(hostname: str, code: str) -> None:
    error, address, family = await looked_up(hostname)
    assert (error.code, error.hostname, address, family) == (code, hostname, None, None)
    assert (await looked_up(hostname, {"all": True}))[1] is None


async def test_a_program_goes_on_until_the_answer_is_there() -> None:
    before = loop.activeHandles()
    answer = looked_up("127.1")
    assert loop.activeHandles() == before + 1
    assert await answer == (None, "127.0.0.1", 4)
    await looked_up("::1")
    assert loop.activeHandles() == before


async def test_ticks_of_a_callback_run_after_it() -> None:
    seen: list[str] = []
    done: Deferred[None] = Deferred()

    def answered(*_: object) -> None:
        loop.nextTick(seen.append, "tick")
        loop.nextTick(done.callback, None)
        seen.append("callback")

    dns.lookup("127.1", answered)
    await done
    assert seen == ["callback", "tick"]


async def test_a_callback_that_throws_is_reported(guard: Guard) -> None:
    done: Deferred[None] = Deferred()

    def answered(*_: object) -> None:
        loop.nextTick(done.callback, None)
        raise ValueError("mine")

    dns.lookup("127.1", answered)
    await done
    assert [str(failure.value) for failure in guard.flushLoggedErrors(ValueError)] == ["mine"]


async def test_the_reactor_can_be_given() -> None:
    done: Deferred[Any] = Deferred()
    dns.lookup("127.1", lambda *args: done.callback(args), reactor=reactor)
    assert await done == (None, "127.0.0.1", 4)


def run(program: str) -> str:
    """Run a program of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_run_waits_for_a_look_up() -> None:
    program = """
    from nodenet import dns, loop
    loop.run(lambda: dns.lookup("127.1", print))
    """
    assert run(program) == "None 127.0.0.1 4\n"


@pytest.mark.parametrize("phase", ["before", "during", "after"])
def test_a_look_up_while_the_reactor_stops_does_no_harm(phase: str) -> None:
    program = f"""
    from twisted.internet import reactor
    from nodenet import dns
    look = lambda: dns.lookup("127.1", lambda *args: None)
    reactor.addSystemEventTrigger({phase!r}, "shutdown", look)
    reactor.callWhenRunning(look)
    reactor.callWhenRunning(reactor.stop)
    reactor.run()
    look()
    print("ended")
    """
    assert run(program) == "ended\n"


async def test_hints_that_are_too_large_for_a_number_are_none_as_infinity_is() -> None:
    assert await looked_up("192.0.2.1", {"hints": 10**400}) == (None, "192.0.2.1", 4)
