"""The backlog: what the kernel is told, and how many peers get in while nobody accepts them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from machine import tool
from net_tools import listening, portOf
from oracle import Oracle, Tracer

from nodenet import net

KNOCK = [sys.executable, str(Path(__file__).with_name("knock.py"))]

FORMS: dict[str, list[Any]] = {
    "none": [{"port": 0, "host": "127.0.0.1"}],
    "in options": [{"port": 0, "host": "127.0.0.1", "backlog": 7}],
    "none, and all addresses": [0],
    "after the port": [0, 6],
    "after the host": [0, "127.0.0.1", 9],
    "as text": [0, "127.0.0.1", "9"],
    "zero": [{"port": 0, "host": "127.0.0.1", "backlog": 0}],
    "zero after the host": [0, "127.0.0.1", 0],
    "one": [0, "127.0.0.1", 1],
    "negative": [{"port": 0, "host": "127.0.0.1", "backlog": -1}],
    "a fraction": [{"port": 0, "host": "127.0.0.1", "backlog": 3.9}],
    "more than the kernel allows": [{"port": 0, "host": "127.0.0.1", "backlog": 10_000_000}],
    "a path and none": ["PATH"],
    "a path and one": ["PATH", 8],
    "a path with one in options": [{"path": "PATH", "backlog": 4}],
}

_JS = """
const { execFileSync } = require('node:child_process')
const args = ARGS.map(arg => arg === 'PATH' ? t.path('s')
  : arg.path ? { ...arg, path: t.path('s') } : arg)
const server = net.createServer(() => t('connection'))
server.listen(...args, () => {
  const where = server.address()
  const [program, ...rest] = COMMAND
  const target = where.port ? t.port(where.port) : where
  ASK
  server.close()
})
"""
_TOLD = """
  const options = where.port ? ['-ltnH', `sport = :${target}`] : ['-lxnH', `src = ${target}`]
  t('told', execFileSync('ss', options).toString().split(/ +/)[where.port ? 2 : 3])
"""
_INSIDE = "t('inside', execFileSync(program, [...rest, target]).toString().trim())"


def _listen(t: Tracer, args: list[Any], ask: Any) -> None:
    path = t.path("s")
    first, *rest = args
    if first == "PATH":
        first = path
    elif isinstance(first, dict) and "path" in first:
        first = {**first, "path": path}
    server = net.createServer(lambda socket: t("connection"))

    def listening() -> None:
        where: Any = server.address()
        ask(t.port(where.port) if isinstance(where, net.AddressInfo) else where)
        server.close()

    server.listen(first, *rest, listening)


def _js(args: list[Any], ask: str, *command: str) -> str:
    js = _JS.replace("ARGS", json.dumps(args)).replace("ASK", ask)
    return js.replace("COMMAND", json.dumps(command))


@pytest.mark.parametrize("name", FORMS)
async def test_the_kernel_is_told_the_same(oracle: Oracle, name: str) -> None:
    tool("ss")

    def scenario(t: Tracer) -> None:
        def ask(target: int | str) -> None:
            tcp = isinstance(target, int)
            options = ["-ltnH", f"sport = :{target}"] if tcp else ["-lxnH", f"src = {target}"]
            line = subprocess.check_output(["ss", *options], text=True)
            t("told", line.split()[2 if tcp else 3])

        _listen(t, FORMS[name], ask)

    await oracle.compare(_js(FORMS[name], _TOLD), scenario)


@pytest.mark.parametrize("backlog", [2**31, 1e300, float("inf"), float("-inf")])
async def test_what_is_too_large_for_the_kernel_is_as_much_as_it_allows(backlog: float) -> None:
    tool("ss")
    server = net.createServer()
    await listening(server, {"port": 0, "host": "127.0.0.1", "backlog": backlog})
    told = subprocess.check_output(["ss", "-ltnH", f"sport = :{portOf(server)}"], text=True)
    assert told.split()[2] == Path("/proc/sys/net/core/somaxconn").read_text().strip()
    server.close()


@pytest.mark.parametrize("args", [[0, "127.0.0.1", 3], ["PATH", 3]], ids=["tcp", "unix"])
async def test_as_many_get_in_while_nobody_accepts(oracle: Oracle, args: list[Any]) -> None:
    command = [*KNOCK, "6"]

    def scenario(t: Tracer) -> None:
        def ask(target: int | str) -> None:
            t("inside", subprocess.check_output([*command, str(target)], text=True).strip())

        _listen(t, args, ask)

    trace = await oracle.compare(_js(args, _INSIDE, *command), scenario)
    assert trace == ["inside '4'"]  # one more than the backlog, on Linux
