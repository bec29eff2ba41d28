"""A pair of sockets in memory tells its listeners what a pair over TCP tells them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet import reactor as installed
from twisted.internet.task import deferLater

from nodenet import events, net
from nodenet.testing import Local, socketPair

reactor: Any = installed
Pair = tuple[net.Socket, net.Socket]

# No `drain`: how much a kernel takes at once is its own affair.
EVENTS = ("end", "finish", "timeout", "error", "close")
LARGE = bytes(3_000_000)


def traced(socket: net.Socket) -> list[str]:
    """What it tells, but for its chunks: who listens to them makes them flow."""
    told: list[str] = []

    def teller(name: str) -> Callable[..., None]:
        def tell(*args: Any) -> None:
            told.append(" ".join([name, *(str(getattr(one, "code", one)) for one in args)]))

        return tell

    for name in EVENTS:
        socket.on(name, teller(name))
    return told


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await deferLater(reactor, 0)


async def ends(near: net.Socket, far: net.Socket) -> None:
    far.resume()
    near.end("bye")
    near.resume()


async def ends_while_the_other_goes_on(near: net.Socket, far: net.Socket) -> None:
    far.allowHalfOpen = True
    far.resume()
    near.end("bye")
    near.resume()
    await turns()
    far.end("and bye")


async def is_destroyed(near: net.Socket, far: net.Socket) -> None:
    far.resume()
    near.destroy()


async def is_reset(near: net.Socket, far: net.Socket) -> None:
    far.resume()
    near.resetAndDestroy()


async def is_reset_while_it_is_paused(near: net.Socket, far: net.Socket) -> None:
    near.write("unheard")
    await turns()
    near.resetAndDestroy()
    await turns()
    far.resume()


async def is_destroyed_with_bytes_unread(near: net.Socket, far: net.Socket) -> None:
    near.pause()
    far.write("unread")
    await turns()
    near.destroy()
    far.resume()


async def writes_to_nobody(near: net.Socket, far: net.Socket) -> None:
    far.allowHalfOpen = True
    far.resume()
    near.destroy()
    await turns()
    for _ in range(3):
        far.write("x")
        await turns(2)


async def ends_with_much_to_say(near: net.Socket, far: net.Socket) -> None:
    near.end(LARGE)
    near.resume()
    await turns()
    far.resume()


async def is_idle(near: net.Socket, far: net.Socket) -> None:
    near.setTimeout(5, near.destroy)
    far.resume()


SCENARIOS = [
    ends,
    ends_while_the_other_goes_on,
    is_destroyed,
    is_reset,
    is_reset_while_it_is_paused,
    is_destroyed_with_bytes_unread,
    writes_to_nobody,
    ends_with_much_to_say,
    is_idle,
]


async def overTCP(local: Local) -> Pair:
    server = await local.server()
    waiting = events.once(server, "connection")
    client = await local.client(server)
    [other] = await waiting
    return client, other


async def played(pair: Pair, scenario: Callable[..., Any]) -> list[Any]:
    """What both ends tell, and how many bytes went which way."""
    told = [traced(socket) for socket in pair]
    await scenario(*pair)
    while not all(one and one[-1].startswith("close") for one in told):
        await turns(1)
    return [told, [(socket.bytesRead, socket.destroyed) for socket in pair]]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario.__name__))
async def test_it_is_as_over_tcp(local: Local, scenario: Callable[..., Any]) -> None:
    real = await played(await overTCP(local), scenario)
    fake = await played(socketPair(), scenario)
    assert fake == real
    assert any(real[0])
