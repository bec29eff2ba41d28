"""A cluster on real Node and on nodenet: what the primary has traced must be the same.

Law: workers start one after the other and say what they see to the primary, so that one process
writes the trace, and the order of what each of them says is the same in every run.

The text of a worker is run in each of them, that of the primary when all have called `ready()`:

- ``say(...)``, ``follow(name, emitter)`` in a worker: have things traced
- ``t(...)``, ``seen.first`` and ``seen.port`` (the first and the last port that was listened on),
  ``await greetings(port, count, keep)`` in the primary
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent, indent
from typing import NamedTuple

import pytest
from oracle import Oracle, Trace, _by_party, _same, _trace

_HERE = Path(__file__).parent

_JS = """
const cluster = require('cluster')
const shown = value => value instanceof Error
  ? [value.message, value.code, value.syscall, value.address, value.port] : value
const say = (...what) => process.send({ say: what.map(shown) })
const ready = () => setImmediate(() => process.send({ ready: true }))
const follow = (name, emitter) => {
  for (const event of ['listening', 'error', 'close'])
    emitter.on(event, (...args) => say(name, event, ...args))
  return emitter
}
const greetings = async (port, count, keep) => {
  const heard = []
  for (let i = 0; i < count; i++) {
    const client = net.connect(port.port ? port : { port, host: '127.0.0.1' })
    heard.push(await new Promise(resolve => {
      client.on('data', data => resolve(data.toString()))
      client.on('close', () => resolve('closed'))
      client.on('error', () => {})
    }))
    if (keep) keep.push(client)
    else client.destroy()
  }
  return heard
}
const worker = async () => {
%(worker)s
}
const primary = async seen => {
%(primary)s
}
if (cluster.isWorker) return worker()
%(setup)s
const seen = { port: null }
const started = {}
cluster.on('listening', (worker, address) => {
  if (address.port > 0) {
    seen.port = t.port(address.port)
    seen.first ??= seen.port
  }
  t(worker.id + ' listens', address)
})
cluster.on('message', (worker, said) => {
  if (said.port) t.port(said.port)
  else if (said.say) t(worker.id + ' says', ...said.say)
  else if (said.ready) started[worker.id]()
})
for (let i = 0; i < %(workers)d; i++) {
  const worker = cluster.fork()
  await new Promise(resolve => { started[worker.id] = resolve })
}
await primary(seen)
await new Promise(resolve => cluster.disconnect(resolve))
"""

_PYTHON = """
from cluster_prelude import *

%(setup)s

async def worker():
%(worker)s

async def primary(seen):
%(primary)s

run(primary, worker, %(workers)d)
"""


class Program(NamedTuple):
    """The same program twice.

    Attributes:
        worker: What a worker does, in JavaScript and in Python.
        primary: What the primary does then.
        workers: How many there are.
        deals: Whether the primary deals connections out.
    """

    worker: tuple[str, str]
    primary: tuple[str, str] = ("", "")
    workers: int = 2
    deals: bool = True


def compare(oracle: Oracle, program: Program) -> Trace:
    """Run both, and fail when they differ: in what each worker says, and in the rest."""
    expected = oracle.node(_script(_JS, program, 0))
    return _same(_by_party(expected), _by_party(runPython(_script(_PYTHON, program, 1))))


def runProgram(program: Program) -> Trace:
    """Run nodenet's alone."""
    return runPython(_script(_PYTHON, program, 1))


def _script(frame: str, program: Program, language: int) -> str:
    policy = ("", "") if program.deals else ("cluster.schedulingPolicy = cluster.SCHED_NONE",) * 2
    parts = [program.worker[language], program.primary[language] or ("", "pass")[language]]
    worker, primary = [indent(dedent(part).strip(), "    ") for part in parts]
    return frame % {
        "worker": worker,
        "primary": primary,
        "workers": program.workers,
        "setup": policy[language],
    }


def runPython(program: str) -> Trace:
    """Run a program of `cluster_prelude`: its trace."""
    with tempfile.TemporaryDirectory(prefix="nn", dir="/tmp") as directory:
        script, trace = Path(directory, "program.py"), Path(directory, "trace")
        script.write_text(program)
        paths = [str(_HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "NODENET_TRACE_DIR": directory,
            "NODENET_TRACE_FILE": str(trace),
        }
        done = subprocess.run(
            [sys.executable, script], check=False, env=env, capture_output=True, timeout=110
        )
        lines = _trace(json.loads(trace.read_text()), directory) if trace.exists() else []
    if done.returncode or done.stderr:
        said = [f"ended with {done.returncode}:", done.stderr.decode(), "Its trace:", *lines]
        pytest.fail("\n".join(said), pytrace=False)
    return lines
