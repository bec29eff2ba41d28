"""Every form of `listen`, and what a server says when it cannot, compared with real Node.

In the arguments ``"PORT"`` is a port that is taken, ``"PATH:name"`` a path of the test's own
directory, where ``file`` is a plain file, and ``"cb"`` a callback.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import net

_JS = """
const args = %s
fs.writeFileSync(t.path('file'), '')
const taken = net.createServer().listen(0, '127.0.0.1', () => {
  const meant = value => {
    if (value === 'PORT') return t.port(taken.address().port)
    if (value === 'cb') return () => t('callback')
    if (typeof value === 'string' && value.startsWith('PATH:')) return t.path(value.slice(5))
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, meant(inner)]))
  }
  const server = net.createServer()
  server.on('listening', () => {
    const where = server.address()
    if (typeof where === 'object') t.port(where.port)
    t('listening', where, server.listening)
    if (typeof where === 'string' && where[0] === '/') {
      t('mode', fs.statSync(where).mode & 0o777)
    }
    server.close(error => t('closed', error, server.listening))
    taken.close()
  })
  server.on('error', error => {
    t('error', error, server.listening)
    taken.close()
  })
  server.on('close', () => t('close'))
  try {
    t('returns', server.listen(...args.map(meant)) === server, server.listening)
  } catch (error) {
    t('throws', error)
    taken.close()
  }
})
"""


class _Listener:
    """The Python side."""

    def __init__(self, t: Tracer, args: list[Any]) -> None:
        self._t = t
        self._args = args

    def begin(self) -> None:
        with open(self._t.path("file"), "wb"):
            pass
        self._taken = net.createServer()
        self._taken.listen(0, "127.0.0.1", self._go)

    def _go(self) -> None:
        self._server = server = net.createServer()
        server.on("listening", self._listening)
        server.on("error", self._failed)
        server.on("close", lambda: self._t("close"))
        args = [self._meant(arg) for arg in self._args]
        try:
            self._t("returns", server.listen(*args) is server, server.listening)
        except Exception as error:
            self._t("throws", error)
            self._taken.close()

    def _meant(self, value: Any) -> Any:
        if value == "PORT":
            where = self._taken.address()
            assert isinstance(where, net.AddressInfo)
            return self._t.port(where.port)
        if value == "cb":
            return lambda: self._t("callback")
        if isinstance(value, str) and value.startswith("PATH:"):
            return self._t.path(value[5:])
        if isinstance(value, dict):
            return {key: self._meant(inner) for key, inner in value.items()}
        return value

    def _listening(self) -> None:
        where = self._server.address()
        if isinstance(where, net.AddressInfo):
            self._t.port(where.port)
        self._t("listening", where, self._server.listening)
        if isinstance(where, str) and where.startswith("/"):
            self._t("mode", os.stat(where).st_mode & 0o777)
        self._server.close(self._closed)
        self._taken.close()

    def _closed(self, error: BaseException | None = None) -> None:
        self._t("closed", error, self._server.listening)

    def _failed(self, error: BaseException) -> None:
        self._t("error", error, self._server.listening)
        self._taken.close()


FORMS: dict[str, list[Any]] = {
    "nothing": [],
    "a callback": ["cb"],
    "a port": [0, "cb"],
    "a port as text": ["0", "cb"],
    "a port and a host": [0, "127.0.0.1", "cb"],
    "a port and a backlog": [0, 5, "cb"],
    "a port, a host and a backlog": [0, "127.0.0.1", 5, "cb"],
    "a port and an empty host": [0, ""],
    "a port and no host": [0, None, "cb"],
    "a port and a name": [0, "localhost", "cb"],
    "a host of IPv6": [0, "::1"],
    "IPv6 alone": [{"port": 0, "host": "::", "ipv6Only": True}],
    "IPv4 alone": [{"port": 0, "host": "0.0.0.0"}],
    "options": [{"port": 0, "host": "127.0.0.1", "backlog": 3, "exclusive": True}, "cb"],
    "reusePort": [{"port": 0, "host": "127.0.0.1", "reusePort": True}],
    "null": [None],
    "the port undefined": [{"port": None}],
    "a path": ["PATH:s", "cb"],
    "a path and a backlog": ["PATH:s", 5, "cb"],
    "a path in options": [{"path": "PATH:s", "backlog": 5}, "cb"],
    "a path for everybody to read": [{"path": "PATH:s", "readableAll": True}],
    "a path for everybody to write": [{"path": "PATH:s", "writableAll": True}],
    "a path for everybody": [{"path": "PATH:s", "readableAll": True, "writableAll": True}],
    "an abstract name": [f"\0nodenet-{os.getpid()}", "cb"],
}

FAILURES: dict[str, list[Any]] = {
    "a port that is taken": ["PORT", "127.0.0.1", "cb"],
    "a port that is taken, on all addresses": ["PORT", "0.0.0.0"],
    "an address that is not here": [0, "192.0.2.1"],
    "an address that is not here, with a port": [4, "192.0.2.1"],
    "a name that does not exist": [0, "does-not-exist.invalid"],
    "a path that exists": ["PATH:file", "cb"],
    "a path in a directory that does not exist": ["PATH:none/s"],
    "a path that is too long": ["/tmp/" + "x" * 110],
    "an abstract name that is too long": ["\0" + "x" * 110],
    "a descriptor that is not open": [{"fd": 99}],
    "a negative descriptor": [{"fd": -1}],
    "an infinite descriptor": [{"fd": math.inf}],
    "a descriptor with a fraction": [{"fd": 0.5}],
    "a descriptor beyond an int": [{"fd": 2**31}],
    "a descriptor that is a boolean": [{"fd": True}],
    "no options": [{}],
    "only a host": [{"host": "127.0.0.1"}],
    "a handle that is none": [{"handle": {}}],
    "a negative port": [-1],
    "too large a port": [65536],
    "a port with a fraction": [1.5],
    "a boolean": [True],
    "false": [False],
    "a port that is a boolean": [{"port": True}],
    "a port that is no number": [{"port": "x"}],
    "an empty path": [{"path": ""}],
    "a path that is no text": [{"path": 5}],
    "an empty text": [""],
    "a port and no IPv4 address": [{"port": 0, "host": "256.256.256.256"}],
    "reusePort of a path": [{"path": "PATH:s", "reusePort": True}],
    "a signal that is none": [{"port": 0, "signal": 5}],
    "a host that is a number": [{"port": 0, "host": 5}],
}


@pytest.mark.parametrize("name", FORMS)
async def test_each_form_listens_as_on_node(oracle: Oracle, name: str) -> None:
    await oracle.compare(_JS % json.dumps(FORMS[name]), lambda t: _Listener(t, FORMS[name]).begin())


@pytest.mark.parametrize("name", FAILURES)
async def test_what_cannot_be_listened_on_is_refused_as_on_node(oracle: Oracle, name: str) -> None:
    args = FAILURES[name]
    await oracle.compare(_JS % json.dumps(args), lambda t: _Listener(t, args).begin())
