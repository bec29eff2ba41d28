"""Sockets in the hands of others: signals, iteration, `finished`, `pipeline`, pipes, second lives.

Each scenario joins a client to a server in both languages; the parties' traces are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from net_tools import portOf
from oracle import Oracle, Tracer
from twisted.internet.defer import Deferred

from nodenet import events, net, streams
from nodenet.abort import AbortController, AbortSignal
from nodenet.loop import pollerOf

_JS = """
const EVENTS = ['lookup', 'connectionAttempt', 'connect', 'ready', 'data', 'drain', 'end', 'finish',
                'timeout', 'error', 'close']
const follow = (name, socket, silent = false) => {
  for (const event of EVENTS) {
    if (event === 'data' && silent) continue
    socket.on(event, (...args) => t(name + ' ' + event, ...args, socket.readyState))
  }
  return socket
}
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const wait = (emitter, event) => new Promise(resolve => emitter.once(event, () => resolve()))
const serve = async (accepted, options = {}) => {
  const server = net.createServer(options, accepted)
  server.listen(0, '127.0.0.1')
  await wait(server, 'listening')
  return [server, t.port(server.address().port)]
}
"""


def follow(t: Tracer, name: str, socket: net.Socket, silent: bool = False) -> net.Socket:
    """Trace the events of a socket, except ``'data'`` where `silent`."""

    def listener(event: str) -> Callable[..., object]:
        return lambda *args: t(f"{name} {event}", *args, socket.readyState)

    for event in (
        *("lookup", "connectionAttempt", "connect", "ready", "data", "drain", "end", "finish"),
        *("timeout", "error", "close"),
    ):
        if event != "data" or not silent:
            socket.on(event, listener(event))
    return socket


def pause(seconds: float) -> Deferred[None]:
    paused: Deferred[None] = Deferred()
    pollerOf().callLater(seconds, paused.callback, None)
    return paused


def wait(emitter: Any, event: str) -> Deferred[None]:
    happened: Deferred[None] = Deferred()
    poller = pollerOf()
    emitter.once(event, lambda *_: poller.queueMicrotask(happened.callback, None))
    return happened


async def serve(
    t: Tracer, accepted: Callable[[net.Socket], object], **options: Any
) -> tuple[net.Server, int]:
    server = net.createServer(options, accepted)
    server.listen(0, "127.0.0.1")
    await wait(server, "listening")
    return server, t.port(portOf(server))


Scenario = Callable[[Tracer], Any]
SCENARIOS: dict[str, tuple[str, Scenario]] = {}


def scenario(name: str, js: str) -> Callable[[Scenario], Scenario]:
    """The function below does what `js` does."""

    def named(function: Scenario) -> Scenario:
        SCENARIOS[name] = (js, function)
        return function

    return named


# -- signals --------------------------------------------------------------------------------------

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


# -- second lives ---------------------------------------------------------------------------------


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


# -- what waits, and where ------------------------------------------------------------------------


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


# -- iteration, finished, pipeline, pipe ----------------------------------------------------------


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
    js, run = SCENARIOS[name]
    await oracle.compare(_JS + js, run, apart=True)
