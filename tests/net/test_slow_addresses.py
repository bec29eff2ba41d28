"""Addresses that do not answer: attempts that take too long, and attempts that overlap."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from net_tools import happens
from oracle import Oracle, Tracer

from nodenet import net
from nodenet.errors import AggregateError
from nodenet.events import once
from nodenet.loop import nextTick

SLOW, SLOWER, FAST = "127.0.0.2", "127.0.0.3", "127.0.0.1"
ATTEMPTS = (
    "connectionAttempt",
    "connectionAttemptFailed",
    "connectionAttemptTimeout",
    "connect",
    "error",
    "timeout",
    "close",
)


@pytest.fixture
def port() -> Iterator[int]:
    """A port where `FAST` accepts, and where no attempt to reach the others comes to an end."""
    with ExitStack() as stack:

        def listener(address: str, port: int, backlog: int) -> socket.socket:
            skt = stack.enter_context(socket.socket())
            skt.bind((address, port))
            skt.listen(backlog)
            return skt

        port: int = listener(FAST, 0, 8).getsockname()[1]
        for address in (SLOW, SLOWER):
            listener(address, port, 0)
            for _ in range(4):  # a full backlog: the kernel ignores who comes later
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((address, port))
        yield port


def resolver(*addresses: str) -> Any:
    """A look-up that finds `addresses`."""

    def look_up(host: str, query: Any, callback: Any) -> None:
        nextTick(callback, None, [{"address": address, "family": 4} for address in addresses])

    return look_up


_JS = """
const { port, addresses, watched, options } = %s
t.port(port)
const lookup = (host, query, callback) =>
  setImmediate(callback, null, addresses.map(address => ({ address, family: 4 })))
const socket = net.connect({ host: 'name', port, lookup, ...options })
for (const event of watched) socket.on(event, (...args) => t(event, ...args))
socket.on('connect', () => socket.destroy())
socket.on('timeout', () => socket.destroy())
"""

DIALS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "the first is slow": ([SLOW, FAST], {"autoSelectFamilyAttemptTimeout": 20}),
    "two are slow": ([SLOW, SLOWER, FAST], {"autoSelectFamilyAttemptTimeout": 20}),
    "the last may take its time": (
        [SLOW, SLOWER],
        {"autoSelectFamilyAttemptTimeout": 20, "timeout": 100},
    ),
    "the default is 250 milliseconds": ([SLOW, FAST], {}),
    "a timeout while it connects": ([SLOW], {"timeout": 50}),
}


@pytest.mark.parametrize("name", DIALS)
async def test_an_attempt_ends_when_it_takes_too_long(oracle: Oracle, port: int, name: str) -> None:
    addresses, options = DIALS[name]
    given = {"port": port, "addresses": addresses, "watched": ATTEMPTS, "options": options}

    def scenario(t: Tracer) -> None:
        t.port(port)
        client = net.connect(host="name", port=port, lookup=resolver(*addresses), **options)
        for event in ATTEMPTS:
            client.on(event, lambda *args, event=event: t(event, *args))
        client.on("connect", client.destroy)
        client.on("timeout", client.destroy)

    await oracle.compare(_JS % json.dumps(given), scenario)


def race(port: int, *addresses: str, **options: Any) -> tuple[net.Socket, list[str]]:
    """A socket whose attempts overlap, and what it says."""
    client = net.connect(
        host="name",
        port=port,
        lookup=resolver(*addresses),
        autoSelectFamily="race",
        autoSelectFamilyAttemptTimeout=20,
        **options,
    )
    said: list[str] = []
    for event in ATTEMPTS[:4]:
        client.on(event, lambda *args, event=event: said.append(" ".join([event, *args[:1]])))
    return client, said


async def test_in_a_race_slow_attempts_go_on_until_one_has_won(port: int) -> None:
    client, said = race(port, SLOW, SLOWER, FAST)
    await once(client, "connect")
    assert client.remoteAddress == FAST
    client.destroy()
    await happens(client, "close")
    assert said == [
        f"connectionAttempt {SLOW}",
        f"connectionAttempt {SLOWER}",
        f"connectionAttempt {FAST}",
        f"connectionAttemptFailed {SLOW}",
        f"connectionAttemptFailed {SLOWER}",
        "connect",
    ]
    assert client.autoSelectFamilyAttemptedAddresses == [
        f"{address}:{port}" for address in (SLOW, SLOWER, FAST)
    ]


async def test_in_a_race_a_slow_attempt_may_win_after_all(port: int) -> None:
    client, _ = race(port, SLOW, "127.0.0.9")
    errors: list[BaseException] = []
    client.on("error", errors.append)
    client.setTimeout(100, client.destroy)
    await happens(client, "close")
    assert not errors  # the refused one did not end the other


async def test_in_a_race_all_may_fail(port: int) -> None:
    client, _ = race(port, "127.0.0.8", "127.0.0.9")
    with pytest.raises(AggregateError) as failed:
        await once(client, "connect")
    assert [str(error) for error in failed.value.errors] == [
        f"connect ECONNREFUSED {address}:{port}" for address in ("127.0.0.8", "127.0.0.9")
    ]
