"""Servers: when they listen, drop, close and listen again, compared with real Node."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from net_tools import happens, portOf
from oracle import Oracle, Tracer
from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.abort import AbortController, AbortSignal
from nodenet.loop import pollerOf

_JS = """
const follow = server => {
  for (const event of ['listening', 'connection', 'drop', 'error', 'close']) {
    server.on(event, (...args) => {
      if (event === 'drop' && args[0]) t.port(args[0].remotePort)
      t(event, ...args.map(each => each instanceof net.Socket ? 'a socket' : each))
    })
  }
  return server
}
const wait = (emitter, event) => new Promise(resolve => emitter.once(event, resolve))
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const listening = async server => {
  server.listen(0, '127.0.0.1')
  await wait(server, 'listening')
  return t.port(server.address().port)
}
const dial = (...where) => net.connect(...where).on('error', () => {}).resume()
"""


def follow(t: Tracer, server: net.Server) -> net.Server:
    """Trace the events of a server."""

    def listener(event: str, *args: Any) -> None:
        if event == "drop" and args:
            t.port(args[0].remotePort)
        t(event, *("a socket" if isinstance(arg, net.Socket) else arg for arg in args))

    for event in ("listening", "connection", "drop", "error", "close"):
        server.on(event, lambda *args, event=event: listener(event, *args))
    return server


async def listening(t: Tracer, server: net.Server) -> int:
    server.listen(0, "127.0.0.1")
    await happens(server, "listening")
    return t.port(portOf(server))


def dial(*where: Any) -> net.Socket:
    return net.connect(*where).on("error", lambda error: None).resume()


def pause(seconds: float) -> Deferred[None]:
    paused: Deferred[None] = Deferred()
    pollerOf().callLater(seconds, paused.callback, None)
    return paused


async def test_connections_over_the_limit_are_dropped(oracle: Oracle) -> None:
    js = """
      const server = follow(net.createServer(socket => socket.resume()))
      server.maxConnections = 1
      const port = await listening(server)
      const first = dial(port, '127.0.0.1')
      await wait(first, 'connect')
      await wait(dial(port, '127.0.0.1'), 'close')
      server.getConnections((error, count) => t('count', error, count))
      server.close(error => t('closed', error))
      first.end()
    """

    async def scenario(t: Tracer) -> None:
        server = follow(t, net.createServer(lambda socket: socket.resume()))
        server.maxConnections = 1
        port = await listening(t, server)
        first = dial(port, "127.0.0.1")
        await happens(first, "connect")
        await happens(dial(port, "127.0.0.1"), "close")
        server.getConnections(lambda error, count: t("count", error, count))
        server.close(lambda error=None: t("closed", error))
        first.end()

    await oracle.compare(_JS + js, scenario)


async def test_a_limit_of_none_lets_nobody_in(oracle: Oracle) -> None:
    js = """
      const server = follow(net.createServer())
      server.maxConnections = 0
      dial(await listening(server), '127.0.0.1')
      await wait(server, 'drop')
      server.close()
    """

    async def scenario(t: Tracer) -> None:
        server = follow(t, net.createServer())
        server.maxConnections = 0
        dial(await listening(t, server), "127.0.0.1")
        await happens(server, "drop")
        server.close()

    await oracle.compare(_JS + js, scenario)


async def test_a_unix_server_drops_without_data_and_removes_its_path(oracle: Oracle) -> None:
    js = """
      const server = follow(net.createServer())
      server.maxConnections = 0
      server.listen(t.path('s'))
      dial(t.path('s'))
      await wait(server, 'drop')
      server.close(() => t('there', fs.existsSync(t.path('s'))))
    """

    async def scenario(t: Tracer) -> None:
        server = follow(t, net.createServer())
        server.maxConnections = 0
        server.listen(t.path("s"))
        dial(t.path("s"))
        await happens(server, "drop")
        server.close(lambda: t("there", os.path.exists(t.path("s"))))

    await oracle.compare(_JS + js, scenario)


async def test_blocked_peers_are_not_heard(oracle: Oracle) -> None:
    js = """
      const blockList = new net.BlockList()
      blockList.addSubnet('127.0.0.0', 8)
      const server = follow(net.createServer({ blockList }))
      await wait(dial(await listening(server), '127.0.0.1'), 'close')
      server.close()
    """

    async def scenario(t: Tracer) -> None:
        blockList = net.BlockList()
        blockList.addSubnet("127.0.0.0", 8)
        server = follow(t, net.createServer({"blockList": blockList}))
        await happens(dial(await listening(t, server), "127.0.0.1"), "close")
        server.close()

    await oracle.compare(_JS + js, scenario)


async def _twice(t: Tracer, server: net.Server) -> None:
    await listening(t, server)
    server.close(lambda error=None: t("first", error))
    server.close(lambda error=None: t("second", error))
    t("listening", server.listening)


async def _later(t: Tracer, server: net.Server) -> None:
    await listening(t, server)
    server.close(lambda error=None: t("first", error))
    await happens(server, "close")
    server.close(lambda error=None: t("second", error))


async def _before(t: Tracer, server: net.Server) -> None:
    server.listen(0, "127.0.0.1")
    server.close(lambda error=None: t("closed", error))


async def _never(t: Tracer, server: net.Server) -> None:
    t("self", server.close(lambda error=None: t("closed", error)) is server)


async def _looking(t: Tracer, server: net.Server) -> None:
    server.listen(0, "localhost")
    server.close(lambda error=None: t("closed", error))
    await pause(0.05)
    t("listening", server.listening)


async def _inside(t: Tracer, server: net.Server) -> None:
    def connection(socket: net.Socket) -> None:
        server.close(lambda error=None: t("closed", error))
        socket.end()

    server.on("connection", connection)
    dial(await listening(t, server), "127.0.0.1")


async def _signal(t: Tracer, server: net.Server) -> None:
    controller = AbortController()
    server.listen({"port": 0, "host": "127.0.0.1", "signal": controller.signal})
    await happens(server, "listening")
    controller.abort()
    t("listening", server.listening)


async def _past(t: Tracer, server: net.Server) -> None:
    server.listen({"port": 0, "host": "127.0.0.1", "signal": AbortSignal.abort()})
    t("listening", server.listening)
    await pause(0.03)
    t("listening", server.listening)


CLOSING: dict[str, tuple[str, Callable[[Tracer, net.Server], Any]]] = {
    "twice": (
        """
          await listening(server)
          server.close(error => t('first', error))
          server.close(error => t('second', error))
          t('listening', server.listening)
        """,
        _twice,
    ),
    "and again later": (
        """
          await listening(server)
          server.close(error => t('first', error))
          await wait(server, 'close')
          server.close(error => t('second', error))
        """,
        _later,
    ),
    "before it listens": (
        """
          server.listen(0, '127.0.0.1')
          server.close(error => t('closed', error))
        """,
        _before,
    ),
    "without ever listening": (
        "t('self', server.close(error => t('closed', error)) === server)",
        _never,
    ),
    "while its host is looked up": (
        """
          server.listen(0, 'localhost')
          server.close(error => t('closed', error))
          await pause(50)
          t('listening', server.listening)
        """,
        _looking,
    ),
    "in the listener of a connection": (
        """
          server.on('connection', socket => {
            server.close(error => t('closed', error))
            socket.end()
          })
          dial(await listening(server), '127.0.0.1')
        """,
        _inside,
    ),
    "by a signal": (
        """
          const controller = new AbortController()
          server.listen({ port: 0, host: '127.0.0.1', signal: controller.signal })
          await wait(server, 'listening')
          controller.abort()
          t('listening', server.listening)
        """,
        _signal,
    ),
    "by a signal of the past": (
        """
          server.listen({ port: 0, host: '127.0.0.1', signal: AbortSignal.abort() })
          t('listening', server.listening)
          await pause(30)
          t('listening', server.listening)
        """,
        _past,
    ),
}


@pytest.mark.parametrize("how", CLOSING)
async def test_a_server_closes(oracle: Oracle, how: str) -> None:
    js, act = CLOSING[how]
    start = "const server = follow(net.createServer())\n"
    await oracle.compare(_JS + start + js, lambda t: act(t, follow(t, net.createServer())))


async def test_a_server_listens_again(oracle: Oracle) -> None:
    js = """
      const taken = net.createServer()
      const port = await listening(taken)
      const server = follow(net.createServer())
      server.listen(port, '127.0.0.1')
      await wait(server, 'error')
      for (const round of [1, 2]) {
        await listening(server)
        try { server.listen(0) } catch (error) { t('throws', error) }
        server.close()
        await wait(server, 'close')
      }
      taken.close()
    """

    async def scenario(t: Tracer) -> None:
        taken = net.createServer()
        port = await listening(t, taken)
        server = follow(t, net.createServer())
        server.listen(port, "127.0.0.1")
        await happens(server, "error")
        for _ in (1, 2):
            await listening(t, server)
            try:
                server.listen(0)
            except Exception as error:
                t("throws", error)
            server.close()
            await happens(server, "close")
        taken.close()

    await oracle.compare(_JS + js, scenario)


async def test_listen_is_overtaken_by_listen_while_it_looks_up(oracle: Oracle) -> None:
    js = """
      const server = follow(net.createServer())
      server.listen(0, '127.0.0.1')
      server.listen(0, '127.0.0.2')
      await wait(server, 'listening')
      t('where', server.address().address)
      server.close()
    """

    async def scenario(t: Tracer) -> None:
        server = follow(t, net.createServer())
        server.listen(0, "127.0.0.1")
        server.listen(0, "127.0.0.2")
        await happens(server, "listening")
        where = server.address()
        t("where", where.address if isinstance(where, net.AddressInfo) else where)
        server.close()

    await oracle.compare(_JS + js, scenario)


async def test_leaving_it_closes_it(oracle: Oracle) -> None:
    js = """
      const server = follow(net.createServer())
      await listening(server)
      await server[Symbol.asyncDispose]()
      t('listening', server.listening)
      await server[Symbol.asyncDispose]()
      t('again')
    """

    async def scenario(t: Tracer) -> None:
        server = follow(t, net.createServer())
        async with server:
            await listening(t, server)
        t("listening", server.listening)
        async with server:
            pass
        t("again")

    await oracle.compare(_JS + js, scenario)


async def test_a_server_listens_where_another_does(oracle: Oracle) -> None:
    js = """
      const first = net.createServer(socket => { t('first'); socket.end() })
      const port = await listening(first)
      const second = net.createServer(socket => { t('second'); socket.end() })
      second.listen(first, () => t('listening', second.address()))
      await wait(second, 'listening')
    """

    async def scenario(t: Tracer) -> None:
        first = net.createServer()
        await listening(t, first)
        second = net.createServer()
        second.listen(first, lambda: t("listening", second.address()))
        await happens(second, "listening")
        first.close()
        second.close()

    await oracle.compare(_JS + js + "first.close(); second.close()", scenario)
