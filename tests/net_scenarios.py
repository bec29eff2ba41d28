"""Scenarios of a client and a server, told once in JavaScript and once in Python.

The parties' traces are compared: the first word of a line is whose it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from net_tools import portOf
from oracle import Oracle, Trace, Tracer
from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.loop import pollerOf

JS = """
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

Scenario = Callable[[Tracer], Any]


class Scenarios(dict[str, tuple[str, Scenario]]):
    """By name, in both languages. In JavaScript a scenario finds what `JS` defines."""

    def scenario(self, name: str, js: str) -> Callable[[Scenario], Scenario]:
        """The function below does what `js` does."""

        def named(function: Scenario) -> Scenario:
            self[name] = (js, function)
            return function

        return named

    async def compare(self, oracle: Oracle, name: str) -> Trace:
        """Run one on both, and fail when they differ."""
        js, run = self[name]
        return await oracle.compare(JS + js, run, apart=True)


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
