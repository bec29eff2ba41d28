"""Machines where IPv6 is switched off or missing: what real Node does there, and what we do.

Switched off: in a network namespace whose interfaces have none. Missing: the kernel opens no IPv6
socket at all.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SWITCHED_OFF = [
    *("unshare", "--user", "--map-root-user", "--net", "sh", "-c"),
    'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up && exec "$@"',
    "sh",
]
MISSING = [sys.executable, str(HERE / "without_ipv6.py")]

MACHINES = {"switched off": SWITCHED_OFF, "missing": MISSING}

JS = """
const net = require('net')
const forms = [[0], [0, '::'], [{ port: 0, ipv6Only: true }], [0, '::1'], [0, '127.0.0.1'],
               [0, 'localhost'], [{ port: 0, exclusive: true }], [{ port: 0, reusePort: true }]]
const next = () => {
  const form = forms.shift()
  if (!form) return all()
  const server = net.createServer()
  server.on('error', error => { console.log(error.message, error.code, error.address); next() })
  server.listen(...form, () => {
    const { address, family } = server.address()
    console.log(address, family)
    server.close(next)
  })
}
const all = () => {
  const server = net.createServer(socket => {
    console.log('from', socket.remoteAddress, socket.remoteFamily)
    socket.end()
  })
  server.listen(0, () => {
    const port = server.address().port
    const busy = net.createServer().on('error', error => {
      console.log(error.code, error.address)
      const refused = net.connect(port, '::1')
      refused.on('error', error => {
        console.log(error.message.replaceAll(port, 'PORT'))
        const client = net.connect(port, 'localhost')
        client.on('connect', () => console.log('to', client.remoteAddress, client.remoteFamily))
        client.on('close', () => server.close())
        client.resume()
      })
    })
    busy.listen(port)
  })
}
next()
"""

PYTHON = """
    import nodenet
    from nodenet import net

    FORMS = [[0], [0, "::"], [{"port": 0, "ipv6Only": True}], [0, "::1"], [0, "127.0.0.1"],
             [0, "localhost"], [{"port": 0, "exclusive": True}], [{"port": 0, "reusePort": True}]]

    def main():
        if not FORMS:
            return everywhere()
        server = net.createServer()

        @server.on("error")
        def failed(error):
            print(error.message, error.code, error.address)
            main()

        def listening():
            where = server.address()
            print(where.address, where.family)
            server.close(main)

        server.listen(*FORMS.pop(0), listening)

    def everywhere():
        @net.createServer
        def server(socket):
            print("from", socket.remoteAddress, socket.remoteFamily)
            socket.end()

        def listening():
            port = server.address().port

            def taken(error):
                print(error.code, error.address)
                net.connect(port, "::1").on("error", refused)

            def refused(error):
                print(error.message.replace(str(port), "PORT"))
                client = net.connect(port, "localhost")
                client.on("connect", lambda: print("to", client.remoteAddress, client.remoteFamily))
                client.on("close", lambda failed: server.close())
                client.resume()

            net.createServer().on("error", taken).listen(port)

        server.listen(0, listening)

    nodenet.run(main)
"""


@cache
def refusal(machine: str) -> str:
    """Why there is no such machine here; empty when there is one."""
    try:
        done = subprocess.run(
            [*MACHINES[machine], "true"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() or (f"status {done.returncode}" if done.returncode else "")


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_without_ipv6_is_served_as_by_node(machine: str, node: Path) -> None:
    if refusal(machine):
        pytest.skip(f"IPv6 cannot be {machine} here: {refusal(machine)}")

    def said(*program: str | Path) -> list[str]:
        done = subprocess.run(
            [*MACHINES[machine], *program], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stderr == ""
        return sorted(done.stdout.splitlines()[-2:]) + done.stdout.splitlines()[:-2]

    ours = said(sys.executable, "-c", textwrap.dedent(PYTHON))
    assert ours == said(node, "-e", JS)
    if machine == "missing":
        assert "0.0.0.0 IPv4" in ours
