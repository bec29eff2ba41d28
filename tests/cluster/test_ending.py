"""How workers end, whatever has gone wrong with them, and that nothing of them is left."""

from __future__ import annotations

import os
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from cluster_plays import Plays
from cluster_program import say, stay
from descriptors import noMoreDescriptors
from twisted.internet.defer import Deferred

from nodenet import cluster, loop


def nothing_left() -> None:
    if not cluster.isPrimary:
        return
    pid = os.getpid()
    counted: list[tuple[int, str]] = []

    def again(*_: object) -> None:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        counted.append((len(os.listdir("/proc/self/fd")), children))
        if len(counted) == 6:
            # The first worker has opened what stays open for all: the pipe of the signals, say.
            say("always the same", len(set(counted[1:])), children)
            return
        worker = cluster.fork()
        worker.process.on("close", again)
        worker.on("online", worker.kill)

    cluster.setupPrimary(silent=True)
    again()


def test_no_zombie_and_no_descriptor_is_left(alone: Plays) -> None:
    assert alone.run(nothing_left) == ["P always the same 1 ''", "P ended with 0"]


async def few_descriptors() -> None:
    if not cluster.isPrimary:
        return
    cluster.setupPrimary(silent=True)
    ends: list[object] = []
    opened = set()
    for spare in [*range(9), None]:
        with noMoreDescriptors(spare) if spare is not None else nullcontext():
            worker: Any = cluster.fork()
        ended: Deferred[None] = Deferred()
        worker.on("error", lambda error: ends.append(error.code))
        worker.on("exit", lambda code, _: ends.append(code))
        worker.process.on("close", lambda *_, ended=ended: ended.callback(None))
        worker.on("online", worker.disconnect)
        await ended
        opened.add(len(os.listdir("/proc/self/fd")))
    all_gone: Deferred[None] = Deferred()
    cluster.disconnect(lambda: all_gone.callback(None))
    await all_gone
    say("first, last", ends[0], ends[-1])
    # The first that is started opens what stays open for all: the pipe of the signals, say.
    say("left", dict(cluster.workers), len(opened) <= 2, len(loop.openHandles()))


def test_few_descriptors_for_a_worker(alone: Plays) -> None:
    """Wherever they run out: it is a worker's error, or a worker that ends, and nothing is left."""
    assert alone.run(few_descriptors) == [
        "P first, last 'EMFILE' 0",
        "P left {} True 0",
        "P ended with 0",
    ]


def no_text() -> None:
    if not cluster.isPrimary:
        return
    opened = len(os.listdir("/proc/self/fd"))
    cluster.setupPrimary(args=["\ud800"])
    try:
        cluster.fork()
    except UnicodeEncodeError:
        say("is no text")
    say("left", dict(cluster.workers))
    cluster.on("disconnect", lambda *_: say("disconnect"))
    loop.nextTick(loop.nextTick, lambda: say("open", len(os.listdir("/proc/self/fd")) - opened))


def test_what_the_system_has_no_bytes_for_leaves_nothing_behind(alone: Plays) -> None:
    assert alone.run(no_text) == ["P is no text", "P left {}", "P open 0", "P ended with 0"]


def held_channel() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        held: list[int] = []
        worker.on("message", lambda pid, _: held.append(pid))
        worker.on("disconnect", lambda: say("disconnect"))

        def ended(*values: object) -> None:
            say("exit", *values)
            os.kill(held[0], 9)

        worker.on("exit", ended)
    else:
        channel: Any = cluster.worker.process.channel
        sleeper = subprocess.Popen(["sleep", "60"], pass_fds=[channel.fileno()], stdout=2)
        cluster.worker.send(sleeper.pid, lambda _: os._exit(4))


def test_a_channel_that_somebody_else_holds_is_over_with_its_worker(alone: Plays) -> None:
    assert alone.run(held_channel) == ["P disconnect", "P exit 4", "P ended with 0"]


def listener_fails() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        worker.on("online", worker.process.disconnect)
        worker.on("exit", lambda *ended: say("exit", *ended))
    else:
        stay()
        cluster.worker.on("disconnect", lambda: 1 / 0)


def test_a_worker_whose_listener_fails_ends_with_its_channel(alone: Plays) -> None:
    assert alone.run(listener_fails) == ["P exit 1", "P ended with 0"]


def ends_of_its_own() -> None:
    if cluster.isPrimary:
        cluster.setupPrimary(silent=True)
        worker: Any = cluster.fork()
        worker.process.stdout.on("data", lambda data: say("said", data))
        worker.on("message", lambda *_: worker.kill())
        worker.process.on("close", lambda *ended: say("closed", *ended))
    else:
        print("kept in a buffer", end="")
        cluster.worker.send("ready")


def test_what_a_worker_has_printed_outlives_its_signal(alone: Plays) -> None:
    assert alone.run(ends_of_its_own) == [
        "P said b'kept in a buffer'",
        "P closed None 'SIGTERM'",
        "P ended with 0",
    ]


def broken() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        worker.on("disconnect", lambda: say("disconnect"))
        worker.on("exit", lambda *ended: say("exit", *ended))
    else:
        stay()
        channel: Any = cluster.worker.process.channel
        os.write(channel.fileno(), b"\xff\xff\xff\xffthis is no frame")


def test_a_worker_that_talks_nonsense_loses_its_channel(alone: Plays) -> None:
    assert alone.run(broken) == ["P disconnect", "P exit 0", "P ended with 0"]
