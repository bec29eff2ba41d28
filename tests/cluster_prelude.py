"""What a cluster's program in a test finds: see `cluster_oracle.py`.

Law: the primary alone traces, and the last thing it does is to write its trace down.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from oracle_values import Tracer
from twisted.internet.defer import Deferred

import nodenet
from nodenet import cluster, dgram, net
from nodenet.events import once
from nodenet.loop import pollerOf

__all__ = [
    "Deferred",
    "cluster",
    "dgram",
    "follow",
    "greetings",
    "net",
    "once",
    "os",
    "pollerOf",
    "ready",
]
__all__ += ["run", "say", "shown", "signal", "t"]

t = Tracer(os.environ["NODENET_TRACE_DIR"])


def shown(value: Any) -> Any:
    if isinstance(value, Exception):
        parts = [getattr(value, name, None) for name in ("code", "syscall", "address", "port")]
        return [getattr(value, "message", str(value)), *parts]
    return value._asdict() if hasattr(value, "_asdict") else value


def say(*what: Any) -> None:
    """In a worker: have the primary trace this."""
    cluster.worker.send({"say": [shown(each) for each in what]})


def ready() -> None:
    """In a worker: the next one may start, when all that follows from this is said."""
    pollerOf().callLater(0, cluster.worker.send, {"ready": True})


def follow(name: str, emitter: Any) -> Any:
    """In a worker: trace what becomes of a server or a datagram socket."""
    for event in ("listening", "error", "close"):
        emitter.on(event, lambda *args, event=event: say(name, event, *args))
    return emitter


async def greetings(port: Any, count: int, keep: Any = None) -> list[str]:
    """What the first bytes are of connections made one after the other."""
    heard = []
    for _ in range(count):
        client = net.connect({"port": port, "host": "127.0.0.1"} if type(port) is int else port)
        greeted: Deferred[str] = Deferred()

        def hears(data: str, greeted: Deferred[str] = greeted) -> None:
            if not greeted.called:
                greeted.callback(data)

        client.on("data", lambda data, hears=hears: hears(data.decode()))
        client.on("close", lambda _, hears=hears: hears("closed"))
        client.on("error", lambda _: None)
        heard.append(await greeted)
        if keep is None:
            client.destroy()
        else:
            keep.append(client)
    return heard


def run(primary: Callable[[dict[str, Any]], Any], worker: Callable[[], Any], workers: int) -> None:
    """Run the program: workers start one after the other, then `primary` has its turn."""
    if cluster.isWorker:
        nodenet.run(worker)
    try:
        nodenet.run(_lead, primary, workers)
    finally:
        with open(os.environ["NODENET_TRACE_FILE"], "w") as trace:
            json.dump(t.lines, trace)


async def _lead(primary: Callable[[dict[str, Any]], Any], workers: int) -> None:
    seen: dict[str, Any] = {"port": None}
    started: list[Deferred[None]] = []

    def listening(worker: Any, address: Any) -> None:
        if isinstance(address.port, int) and address.port > 0:
            seen["port"] = t.port(address.port)
            seen.setdefault("first", address.port)
        t(f"{worker.id} listens", shown(address))

    def message(worker: Any, said: Any, handle: Any) -> None:
        if "port" in said:
            t.port(said["port"])
        elif "say" in said:
            t(f"{worker.id} says", *said["say"])
        elif worker.id <= len(started):
            started[worker.id - 1].callback(None)

    cluster.on("listening", listening)
    cluster.on("message", message)
    watch = pollerOf().callLater(90, sys.exit, 3, ref=False)
    for _ in range(workers):
        started.append(Deferred())
        cluster.fork()
        await started[-1]
    await primary(seen)
    ended: Deferred[None] = Deferred()
    cluster.disconnect(lambda: ended.callback(None))
    await ended
    watch.cancel()
