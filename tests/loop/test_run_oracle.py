"""Which programs end, which stay, and with which status: real Node's and ours, as processes.

A program that stays is ended by a watch that keeps nothing going itself and says so.
"""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import PIPE, Popen
from textwrap import dedent, indent

import pytest

_JS = """
const net = require('net'), dgram = require('dgram'), dns = require('dns')
const say = (...what) => console.log(...what)
setTimeout(() => { say('stays'); process.exit(42) }, %d).unref();
const join = (accepted, connected, options = {}) => {
  const server = net.createServer(options, peer => { server.close(); accepted(peer) })
  server.listen(0, '127.0.0.1', () => {
    connected(net.connect({ port: server.address().port, host: '127.0.0.1', ...options }))
  })
}
"""

_PYTHON = """
import os, signal, sys
import nodenet
from nodenet import dgram, dns, loop, net

def say(*what):
    print(*what, flush=True)

def watch():
    say("stays")
    sys.exit(42)

def join(accepted, connected, **options):
    def accept(peer):
        server.close()
        accepted(peer)

    server = net.createServer(options, accept)
    server.listen(0, "127.0.0.1", lambda: connected(
        net.connect({"port": server.address().port, "host": "127.0.0.1", **options})
    ))

def begin():
    loop.pollerOf().callLater(%d / 1000, watch, ref=False)
    return main()
"""

LONG = 50_000
"""Milliseconds that a program which ends may take for it."""

SHORT = 250
"""Milliseconds after which one that stays, stays."""

Program = tuple[str, str]

ENDS: dict[str, Program] = {
    "nothing": ("", "pass"),
    "an idle socket": ("new net.Socket()", "net.Socket()"),
    "an idle socket with a timeout": (
        "new net.Socket().setTimeout(9000, () => say('timeout'))",
        "net.Socket().setTimeout(9000, lambda: say('timeout'))",
    ),
    "a server, unref'd": (
        "net.createServer().listen(0).unref()",
        "net.createServer().listen(0).unref()",
    ),
    "a server, unref'd before": (
        "net.createServer().unref().listen(0)",
        "net.createServer().unref().listen(0)",
    ),
    "a server that is closed": (
        "const server = net.createServer().listen(0, () => server.close(() => say('closed')))",
        "server = net.createServer().listen(0, lambda: server.close(lambda: say('closed')))",
    ),
    "a datagram socket, unbound": ("dgram.createSocket('udp4')", "dgram.createSocket('udp4')"),
    "a datagram socket, unref'd": (
        "dgram.createSocket('udp4').bind(0).unref()",
        "dgram.createSocket('udp4').bind(0).unref()",
    ),
    "a timer": ("setTimeout(say, 50, 'timer')", "loop.pollerOf().callLater(0.05, say, 'timer')"),
    "a look-up": (
        "dns.lookup('localhost', 4, (error, address) => say(address))",
        "dns.lookup('localhost', 4, lambda error, address, family: say(address))",
    ),
    "connecting, unref'd": (
        """
        const socket = net.connect(1, 'localhost').unref()
        socket.on('error', error => say(error.code)).on('close', () => say('close'))
        """,
        """
        socket = net.connect(1, "localhost").unref()
        socket.on("error", lambda error: say(error.code)).on("close", lambda failed: say("close"))
        """,
    ),
    "both ends unref'd": (
        "join(peer => peer.unref(), client => client.unref())",
        "join(lambda peer: peer.unref(), lambda client: client.unref())",
    ),
    "timeouts of what is unref'd": (
        "join(peer => peer.unref().setTimeout(9000, say, 'no'), client => client.unref())",
        "join(lambda peer: peer.unref().setTimeout(9000, say), lambda client: client.unref())",
    ),
    "both ends paused, and full": (
        """
        const fill = socket => socket.pause().write(Buffer.alloc(200000))
        join(fill, fill)
        """,
        """
        def fill(socket):
            socket.pause().write(bytes(200_000))
        join(fill, fill)
        """,
    ),
    "accepted, paused": (
        "join(() => {}, client => client.resume().unref().end('x'), { pauseOnConnect: true })",
        "join(lambda peer: 0, lambda end: end.resume().unref().end('x'), pauseOnConnect=True)",
    ),
    "unref'd, with much to send": (
        """
        join(
          peer => peer.resume().unref().on('end', () => peer.destroy()),
          client => client.unref().end(Buffer.alloc(2e7), () => say(client.bytesWritten))
        )
        """,
        """
        join(
            lambda peer: peer.resume().unref().on("end", lambda: peer.destroy()),
            lambda end: end.unref().end(bytes(20_000_000), lambda e: say(end.bytesWritten)),
        )
        """,
    ),
    "both ends ended": (
        """
        join(
          peer => peer.end('x').resume(),
          client => client.resume().on('close', failed => say('close', failed ? 1 : 0))
        )
        """,
        """
        join(
            lambda peer: peer.end("x").resume(),
            lambda client: client.resume().on("close", lambda failed: say("close", failed + 0)),
        )
        """,
    ),
    "destroyed": (
        """
        join(
          peer => peer.resume(),
          client => client.on('close', () => say('close')).on('connect', () => client.destroy())
        )
        """,
        """
        join(
            lambda peer: peer.resume(),
            lambda client: client.on("close", lambda e: say("close")).on("connect", client.destroy),
        )
        """,
    ),
    "aborted": (
        """
        const controller = new AbortController()
        net.createServer().listen({ port: 0, signal: controller.signal })
        setTimeout(() => controller.abort(), 20)
        """,
        """
        from nodenet.abort import AbortController
        controller = AbortController()
        net.createServer().listen(port=0, signal=controller.signal)
        loop.pollerOf().callLater(0.02, controller.abort)
        """,
    ),
    "thrown": ("throw new Error('x')", "raise Exception('x')"),
    "thrown in a tick": (
        "process.nextTick(() => { throw new Error('x') }); net.createServer().listen(0)",
        """
        def fail():
            raise Exception("x")
        loop.nextTick(fail)
        net.createServer().listen(0)
        """,
    ),
    "thrown in a listener": (
        "join(peer => peer.on('data', () => { throw Error('x') }), client => client.write('x'))",
        """
        def fail(data):
            raise Exception("x")
        join(lambda peer: peer.on("data", fail), lambda client: client.write("x"))
        """,
    ),
    "rejected": (
        "(async () => { throw new Error('x') })(); net.createServer().listen(0)",
        """
        async def fail():
            raise Exception("x")
        net.createServer().listen(0)
        return fail()
        """,
    ),
    "rejected in a listener": (
        "net.createServer().on('listening', async () => { throw new Error('x') }).listen(0)",
        """
        async def fail():
            raise Exception("x")
        net.createServer().on("listening", fail).listen(0)
        """,
    ),
    "an error of a socket": ("net.connect('/no/such/path')", "net.connect('/no/such/path')"),
    "an error of a server": (
        "net.createServer().listen('/no/such/path')",
        "net.createServer().listen('/no/such/path')",
    ),
    "an error of a datagram socket": (
        "dgram.createSocket('udp4').bind(0, '192.0.2.1')",
        "dgram.createSocket('udp4').bind(0, '192.0.2.1')",
    ),
    "exit": ("process.exit()", "sys.exit()"),
    "exit in a listener": (
        "net.createServer().listen(0, () => process.exit(3))",
        "net.createServer().listen(0, lambda: sys.exit(3))",
    ),
    "exit, beyond a byte": ("process.exit(260)", "sys.exit(260)"),
    "exit, negative": ("process.exit(-1)", "sys.exit(-1)"),
    **{
        name: (
            f"net.createServer().listen(0, () => process.kill(process.pid, '{name}'))",
            f"net.createServer().listen(0, lambda: os.kill(os.getpid(), signal.{name}))",
        )
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM")
    },
    **{
        f"{name}, listened to": (
            f"""
            const server = net.createServer().listen(0, () => process.kill(process.pid, '{name}'))
            process.on('{name}', () => server.close(() => say('closed')))
            """,
            f"""
            server = net.createServer().listen(0, lambda: os.kill(os.getpid(), signal.{name}))
            signal.signal(signal.{name}, lambda *_: server.close(lambda: say("closed")))
            """,
        )
        for name in ("SIGINT", "SIGTERM", "SIGHUP")
    },
}

STAYS: dict[str, Program] = {
    "a server": ("net.createServer().listen(0)", "net.createServer().listen(0)"),
    "a server, ref'd again": (
        "net.createServer().unref().listen(0).ref()",
        "net.createServer().unref().listen(0).ref()",
    ),
    "a datagram socket": (
        "dgram.createSocket('udp4').bind(0)",
        "dgram.createSocket('udp4').bind(0)",
    ),
    "a connection": ("join(() => {}, () => {})", "join(lambda peer: 0, lambda client: 0)"),
    "one end unref'd": (
        "join(() => {}, client => client.unref())",
        "join(lambda peer: 0, lambda client: client.unref())",
    ),
    "one end paused, the other still sends": (
        "join(peer => peer.pause(), client => client.unref().write(Buffer.alloc(3e7)))",
        "join(lambda peer: peer.pause(), lambda client: client.unref().write(bytes(30_000_000)))",
    ),
    "an end that was not read": (
        "join(peer => peer.end('x'), () => {})",
        "join(lambda peer: peer.end('x'), lambda client: 0)",
    ),
    "half open": (
        "join(peer => peer.resume(), client => client.resume().end('x'), { allowHalfOpen: true })",
        "join(lambda p: p.resume(), lambda c: c.resume().end('x'), allowHalfOpen=True)",
    ),
    "SIGPIPE": (
        "net.createServer().listen(0, () => process.kill(process.pid, 'SIGPIPE'))",
        "net.createServer().listen(0, lambda: os.kill(os.getpid(), signal.SIGPIPE))",
    ),
}

Outcome = tuple[int, list[str]]


def both(node: Path, program: Program, watch: int) -> list[Outcome]:
    """The status, as a shell shows it, and what was said: by Node, and by us."""
    js, python = program
    lines = [_PYTHON % watch, "def main():", indent(dedent(python), "    "), "nodenet.run(begin)"]
    commands: list[list[str | Path]] = [
        [node, "-e", _JS % watch + dedent(js)],
        [sys.executable, "-c", "\n".join(lines)],
    ]
    outcomes = []
    for running in [Popen(command, stdout=PIPE, stderr=PIPE, text=True) for command in commands]:
        output, complaint = running.communicate(timeout=90)
        status = running.returncode
        assert (status == 1) == bool(complaint)  # what nobody caught is shown, and nothing else
        outcomes.append((status if status >= 0 else 128 - status, output.splitlines()))
    return outcomes


@pytest.mark.oracle
@pytest.mark.parametrize("name", ENDS)
def test_it_ends(node: Path, name: str) -> None:
    expected, actual = both(node, ENDS[name], LONG)
    assert "stays" not in expected[1]
    assert actual == expected


@pytest.mark.oracle
@pytest.mark.parametrize("name", STAYS)
def test_it_stays(node: Path, name: str) -> None:
    assert both(node, STAYS[name], SHORT) == [(42, ["stays"])] * 2
