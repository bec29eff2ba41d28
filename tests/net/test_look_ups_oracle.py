"""The option `lookup`: functions that do not keep what they promise, compared with real Node.

A script says what the function does, step by step: ``["answer", ...]`` calls back with these
arguments now, ``["later", ...]`` a little later, ``["twice", ...]`` then and again;
``["throw", TEXT]`` throws, ``["destroy"]`` destroys the socket, ``["destroy later"]`` a little
later. ``"HERE"`` is where a server listens, ``"ERROR"`` an Error.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from net_tools import portOf
from oracle import Oracle, Tracer

from nodenet import net
from nodenet.loop import pollerOf

Script = list[list[Any]]

EVENTS = ("lookup", "connectionAttempt", "connectionAttemptFailed", "connect", "error", "close")

_JS = """
const server = net.createServer(socket => socket.resume())
server.listen(0, '127.0.0.1', () => {
  const socket = new net.Socket()
  for (const event of EVENTS) {
    socket.on(event, (...args) => {
      if (event === 'error') args = [args[0].code, args[0].syscall && args[0].message]
      const local = /Local .*:(\\d+)/.exec(args[1])
      if (local) t.port(+local[1])
      t(event, ...args)
      if (event === 'connect') setTimeout(() => socket.destroy(), 30)
    })
  }
  socket.on('close', () => server.close())
  const meant = value => value === 'HERE' ? '127.0.0.1'
    : value === 'ERROR' ? new Error('no') : value
  const lookup = (host, options, callback) => {
    t('looks up', host, options)
    for (const [what, ...args] of SCRIPT) {
      if (what === 'answer') t('answered', callback(...args.map(meant)))
      if (what === 'later') setTimeout(callback, 20, ...args.map(meant))
      if (what === 'twice') setTimeout(() => { callback(...args); callback(...args) }, 20)
      if (what === 'throw') throw new Error(args[0])
      if (what === 'destroy') socket.destroy()
      if (what === 'destroy later') setTimeout(() => socket.destroy(), 20)
    }
    return 'ignored'
  }
  const port = t.port(server.address().port)
  try {
    socket.connect({ port, host: 'name', lookup, autoSelectFamily: SELECT })
    t('returned', socket.connecting)
  } catch (error) {
    t('throws', error, socket.connecting, socket.destroyed)
    socket.destroy()
  }
})
"""


class _Dial:
    """The Python side."""

    def __init__(self, t: Tracer, script: Script, select: bool) -> None:
        self._t = t
        self._script = script
        self._select = select

    def begin(self) -> None:
        self._server = net.createServer(lambda socket: socket.resume())
        self._server.listen(0, "127.0.0.1", self._connect)

    def _connect(self) -> None:
        t, later = self._t, pollerOf().callLater
        self._socket = socket = net.Socket()
        for event in EVENTS:
            socket.on(event, lambda *args, event=event: self._trace(event, *args))
        socket.on("connect", lambda: later(0.03, socket.destroy))
        socket.on("close", lambda failed: self._server.close())
        options = {
            "port": t.port(portOf(self._server)),
            "host": "name",
            "lookup": self._look_up,
            "autoSelectFamily": self._select,
        }
        try:
            socket.connect(options)
            t("returned", socket.connecting)
        except Exception as error:
            t("throws", error, socket.connecting, socket.destroyed)
            socket.destroy()

    def _trace(self, event: str, *args: Any) -> None:
        if event == "error":  # other messages describe a value of the language
            (error,) = args
            message = error.message if hasattr(error, "syscall") else None
            args = getattr(error, "code", None), message
            local = re.search(r"Local .*:(\d+)", message or "")
            if local:
                self._t.port(int(local[1]))
        self._t(event, *args)

    def _look_up(self, host: str, options: Any, callback: Any) -> str:
        self._t("looks up", host, options)
        for what, *args in self._script:
            meant = [self._meant(arg) for arg in args]
            if what == "answer":
                self._t("answered", callback(*meant))
            elif what == "later":
                pollerOf().callLater(0.02, callback, *meant)
            elif what == "twice":
                pollerOf().callLater(0.02, _twice, callback, args)
            elif what == "throw":
                raise Exception(args[0])
            elif what == "destroy later":
                pollerOf().callLater(0.02, self._socket.destroy)
            else:
                self._socket.destroy()
        return "ignored"

    @staticmethod
    def _meant(value: Any) -> Any:
        return {"HERE": "127.0.0.1", "ERROR": Exception("no")}.get(str(value), value)


def _twice(callback: Any, args: list[Any]) -> None:
    callback(*args)
    callback(*args)


ONE: dict[str, Script] = {
    "never": [["destroy later"]],
    "at once": [["answer", None, "HERE", 4]],
    "later": [["later", None, "HERE", 4]],
    "twice": [["answer", None, "HERE", 4], ["answer", None, "HERE", 4]],
    "twice, later": [["twice", None, "127.0.0.1", 4]],
    "success, then an error": [["answer", None, "HERE", 4], ["answer", "ERROR"]],
    "an error, then success": [["answer", "ERROR"], ["answer", None, "HERE", 4]],
    "an error twice": [["answer", "ERROR"], ["answer", "ERROR"]],
    "an error and an address": [["later", "ERROR", "HERE", 4]],
    "an error at once": [["answer", "ERROR"]],
    "throws": [["throw", "no"]],
    "answers and throws": [["answer", None, "HERE", 4], ["throw", "no"]],
    "destroys": [["destroy"], ["answer", None, "HERE", 4]],
    "destroys, and answers later": [["later", None, "HERE", 4], ["destroy"]],
    "nothing": [["later"]],
    "a number": [["later", None, 5, 4]],
    "an empty address": [["later", None, "", 4]],
    "no address": [["later", None, None, 4]],
    "an object": [["later", None, {"address": "127.0.0.1", "family": 4}]],
    "a family that is text": [["later", None, "HERE", "IPv4"]],
    "a family that is a text of digits": [["later", None, "HERE", "4"]],
    "the other family": [["later", None, "HERE", 6]],
    "the other family's address": [["later", None, "::1", 4]],
    "no family": [["later", None, "HERE", 0]],
    "a name": [["later", None, "localhost", 4]],
}

ALL: dict[str, Script] = {
    "never": [["destroy later"]],
    "at once": [["answer", None, [{"address": "127.0.0.1", "family": 4}]]],
    "twice": [["twice", None, [{"address": "127.0.0.1", "family": 4}]]],
    "an error": [["later", "ERROR"]],
    "throws": [["throw", "no"]],
    "destroys": [["destroy"], ["answer", None, [{"address": "127.0.0.1", "family": 4}]]],
    "addresses that are numbers": [["later", None, [{"address": 5, "family": 4}]]],
    "a family that is text": [["later", None, [{"address": "127.0.0.1", "family": "IPv4"}]]],
    "the other family": [["later", None, [{"address": "127.0.0.1", "family": 6}]]],
    "no family": [["later", None, [{"address": "127.0.0.1"}]]],
    "no address": [["later", None, [{"family": 4}]]],
}


@pytest.mark.parametrize("name", ONE)
async def test_one_address(oracle: Oracle, name: str) -> None:
    await _same(oracle, ONE[name], False)


@pytest.mark.parametrize("name", ALL)
async def test_all_addresses(oracle: Oracle, name: str) -> None:
    await _same(oracle, ALL[name], True)


async def _same(oracle: Oracle, script: Script, select: bool) -> None:
    js = _JS.replace("EVENTS", json.dumps(EVENTS)).replace("SCRIPT", json.dumps(script))
    js = js.replace("SELECT", json.dumps(select))
    await oracle.compare(js, lambda t: _Dial(t, script, select).begin())
