"""Sockets that a signal ends, compared with real Node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from net_scenarios import Scenario, Scenarios, follow, pause, serve, wait
from oracle import Oracle, Tracer

from nodenet import net
from nodenet.abort import AbortController, AbortSignal

SCENARIOS = Scenarios()
scenario = SCENARIOS.scenario


_SIGNAL = """
    const controller = new AbortController()
    const [server, port] = await serve(socket => {
      follow('peer', socket).on('close', () => server.close())
    })
    const client = follow('client', new net.Socket({ signal: controller.signal }))
    STEPS
    await pause(30)
    t('client after', client.destroyed, client.errored)
    server.close()
"""


def signalled(steps: Callable[[AbortController, net.Socket, int], Any]) -> Scenario:
    async def run(t: Tracer) -> None:
        controller = AbortController()
        server, port = await serve(
            t, lambda socket: follow(t, "peer", socket).on("close", lambda _: server.close())
        )
        client = follow(t, "client", net.Socket(signal=controller.signal))
        result = steps(controller, client, port)
        if result is not None:
            await result
        await pause(0.03)
        t("client after", client.destroyed, client.errored)
        server.close()

    return run


@scenario("aborted while idle", _SIGNAL.replace("STEPS", "controller.abort()"))
@signalled
def _idle(controller: AbortController, client: net.Socket, port: int) -> None:
    controller.abort()


@scenario(
    "aborted while connecting",
    _SIGNAL.replace("STEPS", "client.connect(port, '127.0.0.1'); controller.abort()"),
)
@signalled
def _connecting(controller: AbortController, client: net.Socket, port: int) -> None:
    client.connect(port, "127.0.0.1")
    controller.abort()


@scenario(
    "aborted with an error of one's own",
    _SIGNAL.replace(
        "STEPS",
        "client.connect(port, '127.0.0.1'); await wait(client, 'connect')\n"
        "controller.abort(new Error('mine'))",
    ),
)
@signalled
async def _connected(controller: AbortController, client: net.Socket, port: int) -> None:
    client.connect(port, "127.0.0.1")
    await wait(client, "connect")
    controller.abort(Exception("mine"))


@scenario(
    "aborted after the end",
    _SIGNAL.replace(
        "STEPS",
        "client.connect(port, '127.0.0.1').end('x'); await wait(client, 'close')\n"
        "controller.abort()",
    ),
)
@signalled
async def _ended(controller: AbortController, client: net.Socket, port: int) -> None:
    client.connect(port, "127.0.0.1").end("x")
    await wait(client, "close")
    controller.abort()


@scenario(
    "a signal of the past",
    """
    const client = new net.Socket({ signal: AbortSignal.abort() })
    client.on('error', error => t('client error', error)).on('close', () => t('client close'))
    t('client destroyed', client.destroyed, client.readyState)
    """,
)
def _past(t: Tracer) -> None:
    client = net.Socket(signal=AbortSignal.abort())
    client.on("error", lambda error: t("client error", error))
    client.on("close", lambda: t("client close"))
    t("client destroyed", client.destroyed, client.readyState)


@scenario(
    "a signal of the call to connect",
    """
    const controller = new AbortController()
    const [server, port] = await serve(socket => socket.resume())
    const client = follow('client', new net.Socket())
    client.connect({ port, host: '127.0.0.1', signal: controller.signal })
    await wait(client, 'connect')
    controller.abort()
    await pause(20)
    t('client after', client.destroyed)
    client.destroy()
    server.close()
    """,
)
async def _of_the_call(t: Tracer) -> None:
    controller = AbortController()
    server, port = await serve(t, lambda socket: socket.resume())
    client = follow(t, "client", net.Socket())
    client.connect({"port": port, "host": "127.0.0.1", "signal": controller.signal})
    await wait(client, "connect")
    controller.abort()
    await pause(0.02)
    t("client after", client.destroyed)
    client.destroy()
    server.close()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_it_goes_as_on_node(oracle: Oracle, name: str) -> None:
    await SCENARIOS.compare(oracle, name)
