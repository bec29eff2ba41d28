"""Sockets around descriptors that are open already: pipes, FIFOs, terminals, sockets."""

from __future__ import annotations

import os
import pty
import socket
import stat
import subprocess
import tty
from collections.abc import Callable
from typing import Any

import pytest
from net_tools import happens
from oracle import Oracle, Tracer

from nodenet import net
from nodenet.errors import ERR_INVALID_FD_TYPE, ERR_INVALID_HANDLE_TYPE

EVENTS = ("data", "end", "finish", "error", "close")


def follow(t: Tracer, name: str, made: net.Socket) -> net.Socket:
    """Trace what `made` is and all its events."""
    t(name, made.readable, made.writable, made.readyState, made.pending, made.remoteAddress)
    for event in EVENTS:
        made.on(event, lambda *args, event=event: t(f"{name} {event}", *args, made.readyState))
    return made


_FOLLOW = """
const { execFileSync } = require('node:child_process')
const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = fs.constants
const follow = (name, made) => {
  t(name, made.readable, made.writable, made.readyState, made.pending, made.remoteAddress)
  for (const event of ['data', 'end', 'finish', 'error', 'close']) {
    made.on(event, (...args) => t(name + ' ' + event, ...args, made.readyState))
  }
  return made
}
execFileSync('mkfifo', [t.path('fifo')])
"""


async def test_each_end_of_a_fifo_is_a_socket(oracle: Oracle) -> None:
    js = """
      const from = fs.openSync(t.path('fifo'), O_RDONLY | O_NONBLOCK)
      const to = fs.openSync(t.path('fifo'), O_WRONLY | O_NONBLOCK)
      follow('reader', new net.Socket({ fd: from, readable: true, writable: false }))
      const writer = follow('writer', new net.Socket({ fd: to, readable: false }))
      writer.write('hello', () => t('writer wrote'))
      writer.end(' there', () => t('writer ended'))
    """

    def scenario(t: Tracer) -> None:
        os.mkfifo(t.path("fifo"))
        reading = os.open(t.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
        writing = os.open(t.path("fifo"), os.O_WRONLY | os.O_NONBLOCK)
        follow(t, "reader", net.Socket(fd=reading, readable=True, writable=False))
        writer = follow(t, "writer", net.Socket(fd=writing, readable=False))
        writer.write("hello", lambda _: t("writer wrote"))
        writer.end(" there", lambda _: t("writer ended"))

    await oracle.compare(_FOLLOW + js, scenario, apart=True)


async def test_a_fifo_may_be_both_ends(oracle: Oracle) -> None:
    js = """
      const both = follow('both', new net.Socket({ fd: fs.openSync(t.path('fifo'), O_RDWR) }))
      both.write('hello')
      both.on('data', () => both.end(() => t('both ended')))
      both.on('finish', () => both.destroy())
    """

    def scenario(t: Tracer) -> None:
        os.mkfifo(t.path("fifo"))
        both = follow(t, "both", net.Socket({"fd": os.open(t.path("fifo"), os.O_RDWR)}))
        both.write("hello")
        both.on("data", lambda _: both.end(lambda _: t("both ended")))
        both.on("finish", both.destroy)

    await oracle.compare(_FOLLOW + js, scenario)


async def test_a_connected_socket_is_adopted() -> None:
    for family in (socket.AF_UNIX, socket.AF_INET):
        ours, theirs = pair(family)
        made = net.Socket({"fd": ours.detach()})
        assert made.readyState == "open"
        assert made.remoteFamily == (None if family == socket.AF_UNIX else "IPv4")
        made.end("bye")
        heard: list[bytes] = []
        made.on("data", heard.append)
        theirs.sendall(b"hello")
        theirs.shutdown(socket.SHUT_WR)
        await happens(made, "close")
        assert (heard, theirs.recv(9)) == ([b"hello"], b"bye")
        theirs.close()


def pair(family: int) -> tuple[socket.socket, socket.socket]:
    """Two sockets connected to each other."""
    if family == socket.AF_UNIX:
        return socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        return server.accept()[0], theirs


async def test_a_terminal_can_be_read_and_written() -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    made = net.Socket(fd=theirs)
    heard = happens(made, "data")
    os.write(ours, b"typed")
    assert await heard == (b"typed",)
    made.write("shown")
    assert os.read(ours, 99) == b"shown"
    with pytest.raises(ERR_INVALID_HANDLE_TYPE):
        made.resetAndDestroy()
    made.destroy()
    await happens(made, "close")
    os.close(ours)


@pytest.mark.parametrize(
    ("kind", "opened"),
    [
        ("FILE", lambda: os.open(__file__, os.O_RDONLY)),
        ("FILE", lambda: os.open(os.devnull, os.O_RDWR)),
        ("UNKNOWN", lambda: os.open("/", os.O_RDONLY)),
        ("UDP", lambda: socket.socket(type=socket.SOCK_DGRAM).detach()),
    ],
    ids=["file", "device", "directory", "datagram socket"],
)
def test_what_is_refused_stays_open(kind: str, opened: Callable[[], int]) -> None:
    fd = opened()
    with pytest.raises(ERR_INVALID_FD_TYPE, match=kind):
        net.Socket(fd=fd)
    assert stat.S_IFMT(os.fstat(fd).st_mode)
    os.close(fd)


def test_what_is_not_open_is_refused() -> None:
    with pytest.raises(ERR_INVALID_FD_TYPE, match="UNKNOWN"):
        net.Socket(fd=9999)


async def test_a_child_speaks_through_its_pipes() -> None:
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    to, out = _taken(child.stdin), _taken(child.stdout)
    writer = net.Socket(fd=to, readable=False)
    reader = net.Socket(fd=out, writable=False)
    heard: list[bytes] = []
    reader.on("data", heard.append)
    writer.end(b"x" * 300_000)
    await happens(reader, "close")
    assert len(b"".join(heard)) == 300_000
    child.wait()


def _taken(pipe: Any) -> int:
    fd = os.dup(pipe.fileno())
    pipe.close()
    return fd
