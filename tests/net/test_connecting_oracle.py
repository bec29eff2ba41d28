"""What a socket says while it connects, dial by dial, compared with real Node.

A dial is one `connect` of one socket. ``"found"`` is what its look-up finds (`HERE`: where a server
listens; other loopback addresses refuse), ``"blocked"`` fills its block list, and ``"acts"`` says
what to do at an event: now, or in the tick after it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import net
from nodenet.loop import nextTick, pollerOf

Dial = dict[str, Any]

HERE = ["127.0.0.1", 4]
NOBODY = ["127.0.0.2", 4]
NOBODY_ELSE = ["127.0.0.3", 4]

EVENTS = (
    "lookup",
    "connectionAttempt",
    "connectionAttemptFailed",
    "connectionAttemptTimeout",
    "connect",
    "ready",
    "end",
    "error",
    "close",
)

_JS = """
const EVENTS = %s
const dial = %s
const options = { ...dial.options }
const found = dial.found || []
if (dial.found) {
  options.host = 'name'
  options.lookup = (host, query, callback) => {
    t('looks up', host, query)
    setImmediate(() => {
      if (dial.fails) callback(new Error(dial.fails))
      else if (query.all) callback(null, found.map(([address, family]) => ({ address, family })))
      else callback(null, ...found[0])
    })
  }
}
if (dial.blocked) {
  options.blockList = new net.BlockList()
  for (const address of dial.blocked) options.blockList.addAddress(address)
}
const act = (socket, what) => {
  if (what === 'destroy') socket.destroy()
  if (what === 'connect') socket.connect(options)
}
const accepted = []
const server = net.createServer(socket => accepted.push(socket.resume().end()))
server.listen(dial.unix ? t.path('s') : { port: 0, host: '127.0.0.1' }, () => {
  const { port } = server.address()
  if (dial.unix) options.path = dial.unix === true ? server.address() : t.path(dial.unix)
  else options.port = options.port || t.port(port)
  if (options.localPort === 'taken') options.localPort = port
  const socket = new net.Socket({ blockList: options.blockList })
  for (const event of EVENTS) {
    socket.on(event, (...args) => {
      const local = /Local .*:(\\d+)/.exec(args[0] && args[0].message)
      if (local) t.port(+local[1])
      const state = [socket.readyState, socket.destroyed, socket.connecting]
      t(event, ...args, ...state, socket.autoSelectFamilyAttemptedAddresses)
      const acts = dial.acts && dial.acts[event]
      if (acts) delete dial.acts[event]
      for (const what of acts || []) {
        if (Array.isArray(what)) process.nextTick(act, socket, what[0])
        else act(socket, what)
      }
    })
  }
  socket.on('close', () => {
    server.close()
    for (const socket of accepted) socket.destroy()
  })
  try {
    t('connect', socket.connect(options) === socket)
  } catch (error) {
    t('throws', error)
    server.close()
  }
  for (const what of dial.then || []) act(socket, what)
})
"""


class _Caller:
    """The Python side of a dial."""

    def __init__(self, t: Tracer, dial: Dial) -> None:
        self._t = t
        self._dial = dial
        self._acts = {**dial.get("acts", {})}
        self._options = {**dial.get("options", {})}

    def begin(self) -> None:
        unix = self._dial.get("unix")
        self._server = net.createServer(lambda socket: socket.resume().end())
        where = {"path": self._t.path("s")} if unix else {"port": 0, "host": "127.0.0.1"}
        self._server.listen(where, self._listening)

    def _listening(self) -> None:
        options = self._options
        where = self._server.address()
        unix = self._dial.get("unix")
        if isinstance(where, net.AddressInfo):
            options["port"] = options.get("port") or self._t.port(where.port)
            if options.get("localPort") == "taken":
                options["localPort"] = where.port
        else:
            options["path"] = where if unix is True else self._t.path(str(unix))
        if "found" in self._dial:
            options |= {"host": "name", "lookup": self._look_up}
        if "blocked" in self._dial:
            options["blockList"] = net.BlockList()
            for address in self._dial["blocked"]:
                options["blockList"].addAddress(address)
        self._connect(net.Socket(blockList=options.get("blockList")))

    def _connect(self, socket: net.Socket) -> None:
        for event in EVENTS:
            self._follow(socket, event)
        socket.on("close", lambda _: self._server.close())
        try:
            self._t("connect", socket.connect(self._options) is socket)
        except Exception as error:
            self._t("throws", error)
            self._server.close()
        for what in self._dial.get("then", ()):
            self._act(socket, what)

    def _follow(self, socket: net.Socket, event: str) -> None:
        def listener(*args: Any) -> None:
            local = re.search(r"Local .*:(\d+)", str(args[:1]))
            if local:
                self._t.port(int(local[1]))
            state = socket.readyState, socket.destroyed, socket.connecting
            self._t(event, *args, *state, socket.autoSelectFamilyAttemptedAddresses)
            for what in self._acts.pop(event, ()):
                if isinstance(what, list):
                    nextTick(self._act, socket, what[0])
                else:
                    self._act(socket, what)

        socket.on(event, listener)

    def _act(self, socket: net.Socket, what: str) -> None:
        if what == "destroy":
            socket.destroy()
        else:
            socket.connect(self._options)

    def _look_up(self, host: str, query: dict[str, Any], callback: Any) -> None:
        found = self._dial["found"]
        self._t("looks up", host, query)

        def answer() -> None:
            if "fails" in self._dial:
                callback(Exception(self._dial["fails"]))
            elif query.get("all"):
                callback(None, [{"address": address, "family": each} for address, each in found])
            else:
                callback(None, *found[0])

        pollerOf().callLater(0, answer)


DIALS: dict[str, Dial] = {
    "an address": {"options": {"host": "127.0.0.1"}},
    "an address where nobody listens": {"options": {"host": "127.0.0.2"}},
    "a name with one address": {"found": [HERE]},
    "a name with one address and no choice": {
        "found": [HERE],
        "options": {"autoSelectFamily": False},
    },
    "the second address": {"found": [NOBODY, HERE]},
    "no address answers": {"found": [NOBODY, NOBODY_ELSE]},
    "the same address twice": {"found": [NOBODY, NOBODY]},
    "an address among what is none": {"found": [["nope", 4], HERE]},
    "what is no address": {"found": [["nope", 4]]},
    "what is no address, and no choice": {
        "found": [["nope", 4]],
        "options": {"autoSelectFamily": False},
    },
    "a family that is none": {"found": [["127.0.0.1", 5]]},
    "a family that is none, and no choice": {
        "found": [["127.0.0.1", 5]],
        "options": {"autoSelectFamily": False},
    },
    "a look-up that fails": {"found": [], "fails": "not today"},
    "a look-up that fails, and no choice": {
        "found": [],
        "fails": "not today",
        "options": {"autoSelectFamily": False},
    },
    "family 4": {"found": [HERE], "options": {"family": 4}},
    "family IPv4": {"found": [HERE], "options": {"family": "IPv4"}},
    "family 6, though IPv4 is found": {"found": [HERE], "options": {"family": 6}},
    "family 6, with a choice": {
        "found": [HERE, NOBODY],
        "options": {"family": 6, "autoSelectFamily": True},
    },
    "hints": {"found": [HERE], "options": {"hints": 8}},
    "a blocked address": {"options": {"host": "127.0.0.1"}, "blocked": ["127.0.0.1"]},
    "a blocked address of a name": {"found": [HERE], "blocked": ["127.0.0.1"]},
    "a blocked address, then another": {"found": [NOBODY, HERE], "blocked": ["127.0.0.2"]},
    "an address, then a blocked one": {"found": [NOBODY, HERE], "blocked": ["127.0.0.1"]},
    "all addresses blocked": {"found": [NOBODY, HERE], "blocked": ["127.0.0.1", "127.0.0.2"]},
    "from an address": {"found": [HERE, NOBODY], "options": {"localAddress": "127.0.0.1"}},
    "from an address, with a choice": {
        "found": [NOBODY, HERE],
        "options": {"localAddress": "127.0.0.5", "autoSelectFamily": True},
    },
    "from an address of the other family": {
        "options": {"host": "127.0.0.1", "localAddress": "::1"}
    },
    "from an address that is not here": {
        "options": {"host": "127.0.0.1", "localAddress": "192.0.2.1"}
    },
    "from a port that is taken": {"options": {"host": "127.0.0.1", "localPort": "taken"}},
    "from a port that is taken, with a choice": {
        "found": [HERE, NOBODY],
        "options": {"localPort": "taken"},
    },
    "destroyed while looking up": {"found": [HERE], "then": ["destroy"]},
    "destroyed at the look-up": {"found": [HERE, NOBODY], "acts": {"lookup": ["destroy"]}},
    "destroyed while it tries the only address": {
        "options": {"host": "127.0.0.1"},
        "acts": {"connectionAttempt": [["destroy"]]},
    },
    "destroyed while it tries the first address": {
        "found": [HERE, NOBODY],
        "acts": {"connectionAttempt": [["destroy"]]},
    },
    "destroyed when the first address failed": {
        "found": [NOBODY, HERE],
        "acts": {"connectionAttemptFailed": ["destroy"]},
    },
    "destroyed when the only address failed": {
        "options": {"host": "127.0.0.2"},
        "acts": {"connectionAttemptFailed": ["destroy"]},
    },
    "connecting twice": {"options": {"host": "127.0.0.1"}, "then": ["connect"]},
    "connecting again at the attempt": {
        "options": {"host": "127.0.0.1"},
        "acts": {"connectionAttempt": ["connect"]},
    },
    "a Unix path": {"unix": True},
    "a Unix path that does not exist": {"unix": "none"},
    "a Unix path in a directory that does not exist": {"unix": "none/at/all"},
    "a Unix path that is too long": {"unix": "x" * 110},
    "a Unix path, destroyed at once": {"unix": True, "then": ["destroy"]},
}


@pytest.mark.parametrize("name", DIALS)
async def test_a_dial_says_what_it_says_on_node(oracle: Oracle, name: str) -> None:
    dial = DIALS[name]
    js = _JS % (json.dumps(EVENTS), json.dumps(dial))
    await oracle.compare(js, lambda t: _Caller(t, dial).begin())
