"""Sockets that connect again, their counters and their time-outs, compared with real Node."""

from __future__ import annotations

from typing import Any

import pytest
from net_scenarios import Scenarios, follow, pause, serve, wait
from oracle import Oracle, Tracer

from nodenet import net

SCENARIOS = Scenarios()
scenario = SCENARIOS.scenario


@scenario(
    "connecting again, at close",
    """
    let round = 0
    const [server, port] = await serve(socket => socket.resume().end('hello'))
    const client = follow('client', new net.Socket())
    client.on('end', () => {
      t('client state', client.bytesRead, client.bytesWritten, client.destroyed)
    })
    client.on('close', () => {
      t('client after', client.remotePort, client.pending, client.connecting, client.bytesRead)
      if (++round < 3) client.connect(port, '127.0.0.1')
      else server.close()
    })
    client.connect(port, '127.0.0.1')
    client.write('x')
    """,
)
async def _again(t: Tracer) -> None:
    rounds = [1, 2]
    server, port = await serve(t, lambda socket: socket.resume().end("hello"))
    client = follow(t, "client", net.Socket())

    @client.on("end")
    def ended() -> None:
        t("client state", client.bytesRead, client.bytesWritten, client.destroyed)

    @client.on("close")
    def closed(failed: bool) -> None:
        t("client after", client.remotePort, client.pending, client.connecting, client.bytesRead)
        if rounds:
            rounds.pop()
            client.connect(port, "127.0.0.1")
        else:
            server.close()

    client.connect(port, "127.0.0.1")
    client.write("x")


@scenario(
    "connecting again, after a failure",
    """
    const [server, port] = await serve(socket => socket.resume().end('hello'))
    const client = follow('client', new net.Socket())
    client.setTimeout(5000).setNoDelay().setKeepAlive(true, 3000).setEncoding('utf8')
    client.connect(t.path('none'))
    await wait(client, 'close')
    t('client after', client.errored && client.errored.code, client.timeout, client.readable)
    client.connect(port, '127.0.0.1', () => t('client callback', client.errored))
    client.end('x', () => t('client ended'))
    await wait(client, 'close')
    t('client after', client.errored, client.timeout)
    server.close()
    """,
)
async def _after_a_failure(t: Tracer) -> None:
    server, port = await serve(t, lambda socket: socket.resume().end("hello"))
    client = follow(t, "client", net.Socket())
    client.setTimeout(5000).setNoDelay().setKeepAlive(True, 3000).setEncoding("utf8")
    client.connect(t.path("none"))
    await wait(client, "close")
    error: Any = client.errored
    t("client after", error and error.code, client.timeout, client.readable)
    client.connect(port, "127.0.0.1", lambda: t("client callback", client.errored))
    client.end("x", lambda _: t("client ended"))
    await wait(client, "close")
    t("client after", client.errored, client.timeout)
    server.close()


@scenario(
    "counters and addresses",
    """
    const [server, port] = await serve(socket => { socket.resume(); t('peer', socket.remoteFamily,
      socket.localPort, socket.server === server, socket.bufferSize) })
    const client = new net.Socket()
    const look = when => t('client ' + when,
      client.bytesWritten, client.bytesRead, client.bufferSize, client.writableLength,
      client.remoteAddress, client.remotePort, client.remoteFamily, client.localAddress,
      client.localFamily, client.pending, client.connecting, client.writableNeedDrain,
      client.timeout, client.address().family)
    look('idle')
    t('client write', client.write('early'))
    look('written')
    client.on('error', error => t('client error', error))
    await wait(client, 'close')
    look('failed')
    client.connect(port, '127.0.0.1')
    client.write('abc')
    client.write('d')
    look('connecting')
    await wait(client, 'connect')
    look('connect')
    client.cork()
    client.write(Buffer.alloc(70000))
    look('corked')
    client.uncork()
    client.destroy()
    look('destroyed')
    await wait(client, 'close')
    look('closed')
    server.close()
    """,
)
async def _counters(t: Tracer) -> None:
    def accepted(socket: net.Socket) -> None:
        socket.resume()
        mine = socket.server is server
        t("peer", socket.remoteFamily, socket.localPort, mine, socket.bufferSize)

    def look(when: str) -> None:
        where = client.address()
        t(
            f"client {when}",
            *(client.bytesWritten, client.bytesRead, client.bufferSize, client.writableLength),
            *(client.remoteAddress, client.remotePort, client.remoteFamily),
            *(client.localAddress, client.localFamily, client.pending, client.connecting),
            *(client.writableNeedDrain, client.timeout, where and where.family),
        )

    server, port = await serve(t, accepted)
    client = net.Socket()
    look("idle")
    t("client write", client.write("early"))
    look("written")
    client.on("error", lambda error: t("client error", error))
    await wait(client, "close")
    look("failed")
    client.connect(port, "127.0.0.1")
    client.write("abc")
    client.write("d")
    look("connecting")
    await wait(client, "connect")
    look("connect")
    client.cork()
    client.write(bytes(70_000))
    look("corked")
    client.uncork()
    client.destroy()
    look("destroyed")
    await wait(client, "close")
    look("closed")
    server.close()


@scenario(
    "a timeout while connecting, and as an option",
    """
    const options = { port: 1, host: 'name', timeout: 30, lookup() {} }
    const client = follow('client', net.connect(options))
    t('client timeout', client.timeout)
    await pause(80)
    t('client still', client.connecting, client.destroyed)
    client.destroy()
    """,
)
async def _timeout(t: Tracer) -> None:
    client = follow(t, "client", net.connect(port=1, host="name", timeout=30, lookup=_silent))
    t("client timeout", client.timeout)
    await pause(0.08)
    t("client still", client.connecting, client.destroyed)
    client.destroy()


def _silent(*_: Any) -> None:
    """Never answers."""


@pytest.mark.parametrize("name", SCENARIOS)
async def test_it_goes_as_on_node(oracle: Oracle, name: str) -> None:
    await SCENARIOS.compare(oracle, name)
