"""Connections played from a table: the same table drives real Node and nodenet.

A play says what each party does when: ``{"client": {"connect": [["end", "bye"]]}}`` calls
``client.end("bye")`` at ``'connect'``. Every event of every party is traced.

- the moments ``begin`` (a socket exists), and every event; after ``once:`` only the first time
- ``"cb:NAME"`` as an argument is a function that traces its arguments
- ``"error:TEXT"`` is an Error, ``"bytes:N"`` a buffer of N bytes, ``"port"`` the server's port
- ``["later", MS, METHOD, ...]`` does it after MS milliseconds
- ``["stop"]`` closes the server, where no client ever reaches it
- ``["get", NAME, ...]`` traces properties, ``["throw", TEXT]`` throws
"""

from __future__ import annotations

import json
from typing import Any

from oracle import Oracle, Trace, Tracer

from nodenet import net
from nodenet.loop import pollerOf

SOCKET_EVENTS = (
    "connectionAttempt",
    "connectionAttemptFailed",
    "connect",
    "ready",
    "data",
    "drain",
    "end",
    "finish",
    "timeout",
    "error",
    "close",
)

Play = dict[str, Any]

_JS = """
const EVENTS = %s
const play = %s
const act = (name, socket, [method, ...args]) => {
  if (method === 'later') return void setTimeout(() => act(name, socket, args.slice(1)), args[0])
  if (method === 'stop') return void server.close()
  if (method === 'throw') throw new Error(args[0])
  if (method === 'get') return t(name + ' get', ...args.map(key => socket[key]))
  args = args.map(arg => {
    if (typeof arg !== 'string') return arg
    if (arg.startsWith('cb:')) return (...got) => t(name + ' ' + arg, ...got)
    if (arg.startsWith('error:')) return new Error(arg.slice(6))
    if (arg.startsWith('bytes:')) return Buffer.alloc(+arg.slice(6))
    return arg
  })
  try {
    const result = socket[method](...args)
    t(name + ' ' + method, result === socket ? 'self' : result)
  } catch (error) {
    t(name + ' ' + method, error)
  }
}
const follow = (name, socket) => {
  const acts = play[name] || {}
  for (const event of EVENTS) {
    let first = true
    if (event === 'data' && acts.silent) continue
    socket.on(event, (...args) => {
      if (event === 'data' && acts.quiet) args = []
      t(name + ' ' + event, ...args, socket.readyState, socket.destroyed)
      for (const each of acts[event] || []) act(name, socket, each)
      if (first) for (const each of acts['once:' + event] || []) act(name, socket, each)
      first = false
    })
  }
  for (const each of acts.begin || []) act(name, socket, each)
}
const server = net.createServer(play.serverOptions || {}, socket => {
  server.close(() => t('listener close'))
  follow('server', socket)
})
server.listen(play.unix ? t.path('s') : { port: 0, host: '127.0.0.1' }, () => {
  const client = new net.Socket(play.clientOptions || {})
  const where = server.address()
  const port = play.unix ? 0 : t.port(where.port)
  follow('client', client)
  if (play.unix) client.connect(where)
  else client.connect(port, '127.0.0.1')
  for (const each of (play.client || {}).started || []) act('client', client, each)
})
"""


async def same(oracle: Oracle, play: Play) -> Trace:
    """Play it on both and compare each party's trace."""
    js = _JS % (json.dumps(SOCKET_EVENTS), json.dumps(play))
    return await oracle.compare(js, lambda t: _Stage(t, play).begin(), apart=True)


class _Stage:
    """The Python side of a play."""

    def __init__(self, t: Tracer, play: Play) -> None:
        self._t = t
        self._play = play

    def begin(self) -> None:
        self._server = net.createServer(self._play.get("serverOptions"), self._connection)
        if self._play.get("unix"):
            self._server.listen(self._t.path("s"), self._listening)
        else:
            self._server.listen(0, "127.0.0.1", self._listening)

    def _connection(self, socket: net.Socket) -> None:
        self._server.close(lambda *_: self._t("listener close"))
        self._follow("server", socket)

    def _listening(self) -> None:
        client = net.Socket(self._play.get("clientOptions"))
        where = self._server.address()
        self._follow("client", client)
        if isinstance(where, net.AddressInfo):
            client.connect(self._t.port(where.port), "127.0.0.1")
        else:
            client.connect(where)
        for each in self._play.get("client", {}).get("started", ()):
            self._act("client", client, each)

    def _follow(self, name: str, socket: net.Socket) -> None:
        acts = self._play.get(name, {})
        for event in SOCKET_EVENTS:
            if event != "data" or not acts.get("silent"):
                socket.on(event, self._listener(name, socket, event, acts))
        for each in acts.get("begin", ()):
            self._act(name, socket, each)

    def _listener(self, name: str, socket: net.Socket, event: str, acts: Play) -> Any:
        first = True

        def listener(*args: Any) -> None:
            nonlocal first
            if event == "data" and acts.get("quiet"):
                args = ()
            self._t(f"{name} {event}", *args, socket.readyState, socket.destroyed)
            for each in acts.get(event, ()):
                self._act(name, socket, each)
            if first:
                for each in acts.get(f"once:{event}", ()):
                    self._act(name, socket, each)
            first = False

        return listener

    def _act(self, name: str, socket: net.Socket, act: list[Any]) -> None:
        method, *args = act
        if method == "later":
            pollerOf().callLater(args[0] / 1000, self._act, name, socket, args[1:])
        elif method == "stop":
            self._server.close()
        elif method == "throw":
            raise Exception(args[0])
        elif method == "get":
            self._t(f"{name} get", *(getattr(socket, key) for key in args))
        else:
            self._call(name, socket, method, args)

    def _call(self, name: str, socket: net.Socket, method: str, args: list[Any]) -> None:
        try:
            result = getattr(socket, method)(*(self._argument(name, arg) for arg in args))
            self._t(f"{name} {method}", "self" if result is socket else result)
        except Exception as error:
            self._t(f"{name} {method}", error)

    def _argument(self, name: str, arg: Any) -> Any:
        kind, _, rest = arg.partition(":") if isinstance(arg, str) else ("", "", "")
        if kind == "cb":
            return lambda *got: self._t(f"{name} {arg}", *got)
        if kind == "error":
            return Exception(rest)
        if kind == "bytes":
            return bytes(int(rest))
        return arg
