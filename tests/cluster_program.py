"""Runs one program of a test as a process of its own: ``cluster_program.py file function``.

The function is called under `nodenet.run`, again in each worker that it forks. What it says goes to
the standard output, as `oracle_prelude.js` writes it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from oracle_values import encode

from nodenet import cluster, loop, run

WHO = "P" if cluster.isPrimary else f"W{cluster.worker.id}"


def say(label: str, *values: object) -> None:
    """A line of the trace."""
    line = {"label": f"{WHO} {label}", "values": [encode(_shown(value)) for value in values]}
    os.write(1, f"{json.dumps(line)}\n".encode())


def stay() -> None:
    """Have something to wait for."""
    loop.pollerOf().reactor.callLater(60, say, "stayed too long")


def watch(worker: cluster.Worker) -> cluster.Worker:
    """Say what happens to a worker and to its process."""

    def state() -> list[Any]:
        process: Any = worker.process
        return [
            worker.state,
            worker.isConnected(),
            worker.isDead(),
            worker.exitedAfterDisconnect,
            process.exitCode,
            process.signalCode,
            process.killed,
        ]

    for name in "online", "listening", "message", "disconnect", "exit", "error":
        worker.on(name, lambda *values, name=name: say(f"worker {name}", *values, state()))
    for name in "spawn", "message", "disconnect", "exit", "close", "error":
        worker.process.on(name, lambda *values, name=name: say(f"process {name}", *values))
    return worker


def watchCluster() -> None:
    """Say what happens in the cluster."""
    for name in "fork", "online", "listening", "message", "disconnect", "exit":
        cluster.on(
            name, lambda *values, name=name: say(f"cluster {name}", *values, [*cluster.workers])
        )


def watchSelf() -> None:
    """Say what happens in this worker."""
    worker = cluster.worker

    def follow(name: str) -> None:
        worker.on(
            name,
            lambda *values: say(
                f"worker {name}", *values, worker.state, worker.exitedAfterDisconnect
            ),
        )

    for name in "online", "listening", "message", "disconnect", "exit", "error":
        follow(name)
    for name in "message", "disconnect", "error":
        worker.process.on(name, lambda *values, name=name: say(f"process {name}", *values))


def _shown(value: object) -> object:
    return f"worker {value.id}" if isinstance(value, cluster.Worker) else value


def main() -> None:
    """Run the program that the arguments name."""
    file, function = sys.argv[1:3]
    spec = spec_from_file_location("played", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["cluster_program"] = sys.modules["__main__"]
    spec.loader.exec_module(module)
    run(getattr(module, function))


if __name__ == "__main__":
    main()
