"""Loops over sockets, waiting for them and reading line by line, compared with real Node."""

from __future__ import annotations

import pytest
from net_scenarios import Scenarios, follow, serve
from oracle import Oracle, Tracer

from nodenet import events, net

SCENARIOS = Scenarios()
scenario = SCENARIOS.scenario


@scenario(
    "leaving a loop early",
    """
    const [server, port] = await serve(socket => { follow('peer', socket, true).write('abc') })
    const client = follow('client', net.connect(port, '127.0.0.1'), true)
    for await (const chunk of client) { t('client chunk', chunk); break }
    t('client left', client.destroyed, client.errored)
    server.close()
    """,
)
async def _leaving(t: Tracer) -> None:
    server, port = await serve(t, lambda socket: follow(t, "peer", socket, True).write("abc"))
    client = follow(t, "client", net.connect(port, "127.0.0.1"), True)
    async for chunk in client:
        t("client chunk", chunk)
        break
    t("client left", client.destroyed, client.errored)
    server.close()


@scenario(
    "a loop to the end",
    """
    const [server, port] = await serve(socket => { follow('peer', socket).end('abc') })
    const client = follow('client', net.connect(port, '127.0.0.1'), true).setEncoding('latin1')
    for await (const chunk of client) t('client chunk', chunk)
    t('client over', client.destroyed, client.readyState)
    server.close()
    """,
)
async def _to_the_end(t: Tracer) -> None:
    server, port = await serve(t, lambda socket: follow(t, "peer", socket).end("abc"))
    client = follow(t, "client", net.connect(port, "127.0.0.1"), True).setEncoding("latin1")
    async for chunk in client:
        t("client chunk", chunk)
    t("client over", client.destroyed, client.readyState)
    server.close()


@scenario(
    "a loop that a reset ends",
    """
    const [server, port] = await serve(socket => {
      socket.write('abc')
      socket.once('data', () => socket.resetAndDestroy())
    })
    const client = net.connect(port, '127.0.0.1')
    try {
      for await (const chunk of client) { t('client chunk', chunk); client.write('x') }
    } catch (error) {
      t('client caught', error, client.destroyed)
    }
    server.close()
    """,
)
async def _reset(t: Tracer) -> None:
    def accepted(socket: net.Socket) -> None:
        socket.write("abc")
        socket.once("data", lambda _: socket.resetAndDestroy())

    server, port = await serve(t, accepted)
    client = net.connect(port, "127.0.0.1")
    try:
        async for chunk in client:
            t("client chunk", chunk)
            client.write("x")
    except Exception as error:
        t("client caught", error, client.destroyed)
    server.close()


@scenario(
    "a loop where the connection fails",
    """
    const client = net.connect(t.path('none'))
    try {
      for await (const chunk of client) t('client chunk', chunk)
    } catch (error) {
      t('client caught', error, client.destroyed)
    }
    """,
)
async def _fails(t: Tracer) -> None:
    client = net.connect(t.path("none"))
    try:
        async for chunk in client:
            t("client chunk", chunk)
    except Exception as error:
        t("client caught", error, client.destroyed)


@scenario(
    "once",
    """
    const [server, port] = await serve(socket => { socket.end('x') })
    const client = net.connect(port, '127.0.0.1')
    t('client connect', await events.once(client, 'connect'))
    t('client data', await events.once(client, 'data'))
    t('client close', await events.once(client, 'close'))
    server.close()
    try {
      await events.once(net.connect(t.path('none')), 'connect')
    } catch (error) {
      t('client caught', error)
    }
    """,
)
async def _once(t: Tracer) -> None:
    server, port = await serve(t, lambda socket: socket.end("x"))
    client = net.connect(port, "127.0.0.1")
    t("client connect", await events.once(client, "connect"))
    t("client data", await events.once(client, "data"))
    t("client close", await events.once(client, "close"))
    server.close()
    try:
        await events.once(net.connect(t.path("none")), "connect")
    except Exception as error:
        t("client caught", error)


@scenario(
    "read and unshift, as for a line",
    """
    const [server, port] = await serve(socket => { socket.end('one\\ntwo\\nthree') })
    const client = net.connect(port, '127.0.0.1')
    client.on('end', () => { t('client end'); server.close() })
    client.on('readable', () => {
      for (let chunk; (chunk = client.read()) !== null;) {
        const at = chunk.indexOf(10)
        t('client chunk', chunk, client.readableLength)
        if (at < 0) continue
        client.unshift(chunk.subarray(at + 1))
        t('client line', chunk.subarray(0, at), client.readableLength, client.bytesRead)
      }
    })
    """,
)
async def _lines(t: Tracer) -> None:
    server, port = await serve(t, lambda socket: socket.end("one\ntwo\nthree"))
    client = net.connect(port, "127.0.0.1")

    @client.on("end")
    def ended() -> None:
        t("client end")
        server.close()

    @client.on("readable")
    def readable() -> None:
        while (chunk := client.read()) is not None:
            assert isinstance(chunk, bytes)
            at = chunk.find(b"\n")
            t("client chunk", chunk, client.readableLength)
            if at < 0:
                continue
            client.unshift(chunk[at + 1 :])
            t("client line", chunk[:at], client.readableLength, client.bytesRead)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_it_goes_as_on_node(oracle: Oracle, name: str) -> None:
    await SCENARIOS.compare(oracle, name)
