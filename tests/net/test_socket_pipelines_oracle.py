"""Sockets in `finished`, `pipeline` and `pipe`, compared with real Node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from net_scenarios import Scenario, Scenarios, follow, pause, serve, wait
from oracle import Oracle, Tracer

from nodenet import net, streams
from nodenet.abort import AbortController
from nodenet.loop import pollerOf

SCENARIOS = Scenarios()
scenario = SCENARIOS.scenario


_FINISHED = """
    const [server, port] = await serve(socket => {
      stream.finished(socket, error => t('peer finished', error))
      stream.finished(socket, { writable: false }, error => t('peer read', error))
      stream.finished(socket, { readable: false }, error => t('peer written', error))
      socket.on('error', () => {})
      PEER
    }, { allowHalfOpen: true })
    const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    stream.finished(client, error => t('client finished', error))
    stream.finished(client, { writable: false }, error => t('client read', error))
    stream.finished(client, { readable: false }, error => t('client written', error))
    client.on('error', () => {})
    CLIENT
    await wait(client, 'close')
    stream.finished(client, error => t('client finished late', error))
    server.close()
"""


def finishing(
    peer: Callable[[net.Socket], object], act: Callable[[net.Socket], object]
) -> Scenario:
    def watch(t: Tracer, name: str, socket: net.Socket) -> None:
        streams.finished(socket, lambda error=None: t(f"{name} finished", error))
        streams.finished(socket, {"writable": False}, lambda error=None: t(f"{name} read", error))
        streams.finished(
            socket, {"readable": False}, lambda error=None: t(f"{name} written", error)
        )
        socket.on("error", lambda error: None)

    async def run(t: Tracer) -> None:
        def accepted(socket: net.Socket) -> None:
            watch(t, "peer", socket)
            peer(socket)

        server, port = await serve(t, accepted, allowHalfOpen=True)
        client = net.connect({"port": port, "host": "127.0.0.1", "allowHalfOpen": True})
        watch(t, "client", client)
        act(client)
        await wait(client, "close")
        streams.finished(client, lambda error=None: t("client finished late", error))
        server.close()

    return run


FINISHED: dict[str, tuple[str, str, Scenario]] = {
    "both ended": (
        "socket.resume().end('x')",
        "client.resume().end('y')",
        finishing(lambda peer: peer.resume().end("x"), lambda client: client.resume().end("y")),
    ),
    "theirs first": (
        "socket.resume().end('x')",
        "client.resume().on('end', () => client.end('y'))",
        finishing(
            lambda peer: peer.resume().end("x"),
            lambda client: client.resume().on("end", lambda: client.end("y")),
        ),
    ),
    "destroyed": (
        "socket.resume().on('end', () => socket.end())",
        "client.on('connect', () => client.destroy())",
        finishing(
            lambda peer: peer.resume().on("end", peer.end),
            lambda client: client.on("connect", client.destroy),
        ),
    ),
    "destroyed with an error": (
        "socket.resume().on('end', () => socket.end())",
        "client.on('connect', () => client.destroy(new Error('mine')))",
        finishing(
            lambda peer: peer.resume().on("end", peer.end),
            lambda client: client.on("connect", lambda: client.destroy(Exception("mine"))),
        ),
    ),
    "reset": (
        "socket.resume(); setTimeout(() => socket.resetAndDestroy(), 20)",
        "client.resume()",
        finishing(
            lambda peer: pollerOf().callLater(0.02, peer.resume().resetAndDestroy),
            lambda client: client.resume(),
        ),
    ),
    "destroyed while connecting": (
        "socket.resume().on('end', () => socket.end())",
        "client.destroy()",
        finishing(
            lambda peer: peer.resume().on("end", peer.end),
            lambda client: client.destroy(),
        ),
    ),
}
for _name, (_peer, _client, _run) in FINISHED.items():
    SCENARIOS[f"finished: {_name}"] = (
        _FINISHED.replace("PEER", _peer).replace("CLIENT", _client),
        _run,
    )


@scenario(
    "a proxy by pipeline",
    """
    const [server, port] = await serve(socket => { socket.pipe(socket) })
    const [proxy, where] = await serve(near => {
      const far = net.connect(port, '127.0.0.1')
      stream.pipeline(near, far, near, error => {
        t('proxy done', error)
        proxy.close()
        server.close()
      })
    })
    const client = follow('client', net.connect(where, '127.0.0.1'))
    client.end('through')
    """,
)
async def _proxy(t: Tracer) -> None:
    server, port = await serve(t, lambda socket: socket.pipe(socket))

    def accepted(near: net.Socket) -> None:
        far = net.connect(port, "127.0.0.1")

        def done(error: BaseException | None = None) -> None:
            t("proxy done", error)
            proxy.close()
            server.close()

        streams.pipeline(near, far, near, done)

    proxy, where = await serve(t, accepted)
    client = follow(t, "client", net.connect(where, "127.0.0.1"))
    client.end("through")


@scenario(
    "a pipeline whose far end is reset",
    """
    const [server, port] = await serve(socket => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const [proxy, where] = await serve(near => {
      const far = net.connect(port, '127.0.0.1')
      stream.pipeline(near, far, error => {
        t('proxy done', error, near.destroyed, far.destroyed)
        proxy.close()
        server.close()
      })
    })
    const client = net.connect(where, '127.0.0.1').resume()
    client.on('error', error => t('client error', error.code))
    client.on('close', failed => t('client close'))
    client.write('through')
    """,
)
async def _far_end(t: Tracer) -> None:
    server, port = await serve(
        t, lambda socket: socket.once("data", lambda _: socket.resetAndDestroy())
    )

    def accepted(near: net.Socket) -> None:
        far = net.connect(port, "127.0.0.1")

        def done(error: BaseException | None = None) -> None:
            t("proxy done", error, near.destroyed, far.destroyed)
            proxy.close()
            server.close()

        streams.pipeline(near, far, done)

    proxy, where = await serve(t, accepted)
    client = net.connect(where, "127.0.0.1").resume()
    client.on("error", lambda error: t("client error", error.code))
    client.on("close", lambda failed: t("client close"))
    client.write("through")


@scenario(
    "a pipeline that a signal ends",
    """
    const controller = new AbortController()
    const [server, port] = await serve(socket => { follow('peer', socket); server.close() })
    const client = net.connect(port, '127.0.0.1')
    const source = new stream.PassThrough()
    stream.promises.pipeline(source, client, { signal: controller.signal }).catch(error => {
      t('client done', error, client.destroyed, source.destroyed)
    })
    source.write('some')
    await wait(client, 'connect')
    await pause(20)
    controller.abort()
    """,
)
async def _aborted(t: Tracer) -> None:
    controller = AbortController()

    def accepted(socket: net.Socket) -> None:
        follow(t, "peer", socket)
        server.close()

    server, port = await serve(t, accepted)
    client = net.connect(port, "127.0.0.1")
    source = streams.Readable(read=lambda size: None)

    def failed(failure: Any) -> None:
        t("client done", failure.value, client.destroyed, source.destroyed)

    done: Any = streams.pipeline(source, client, {"signal": controller.signal})
    done.addErrback(failed)
    source.push("some")
    await wait(client, "connect")
    await pause(0.02)
    controller.abort()


@scenario(
    "one source, two sockets, one of which is taken away",
    """
    const peers = []
    const [server, port] = await serve(socket => { peers.push(socket) })
    const make = async name => {
      const client = follow(name, net.connect(port, '127.0.0.1'))
      await wait(client, 'connect')
      return client
    }
    const [first, second] = [await make('first'), await make('second')]
    const source = new stream.PassThrough()
    source.pipe(first)
    source.pipe(second, { end: false })
    source.write('both')
    await pause(20)
    source.unpipe(first)
    source.end('second alone')
    await pause(20)
    t('first', first.writableEnded, first.bytesWritten)
    t('second', second.writableEnded, second.bytesWritten)
    for (const each of peers) each.resume().end()
    first.end()
    second.end()
    server.close()
    """,
)
async def _two(t: Tracer) -> None:
    peers: list[net.Socket] = []
    server, port = await serve(t, peers.append)

    async def make(name: str) -> net.Socket:
        client = follow(t, name, net.connect(port, "127.0.0.1"))
        await wait(client, "connect")
        return client

    first, second = await make("first"), await make("second")
    source = streams.Readable(read=lambda size: None)
    source.pipe(first)
    source.pipe(second, end=False)
    source.push("both")
    await pause(0.02)
    source.unpipe(first)
    source.push("second alone")
    source.push(None)
    await pause(0.02)
    t("first", first.writableEnded, first.bytesWritten)
    t("second", second.writableEnded, second.bytesWritten)
    for each in peers:
        each.resume().end()
    first.end()
    second.end()
    server.close()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_it_goes_as_on_node(oracle: Oracle, name: str) -> None:
    await SCENARIOS.compare(oracle, name)
