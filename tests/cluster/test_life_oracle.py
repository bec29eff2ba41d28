"""The life of workers, as Node's cluster tells it: which events, in which order, with what."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from cluster_plays import Plays
from cluster_program import say, stay, watch, watchCluster, watchSelf

from nodenet import cluster, loop

pytestmark = pytest.mark.oracle


def hello() -> None:
    if cluster.isPrimary:
        watchCluster()
        loop.nextTick(say, "a tick")
        worker = watch(cluster.fork({"GREETING": "hello"}))
        say("forked", worker.id, worker.state, worker.isConnected(), [*cluster.workers])
        worker.on("online", lambda: say("sent", worker.send({"a": 1}, lambda *e: say("cb", *e))))
        worker.on("message", lambda *_: say("left", worker.disconnect() is worker))
    else:
        inherited = [os.environ.get(f"NODENET_{name}") for name in ("UNIQUE_ID", "CHANNEL_FD")]
        say("started", cluster.worker.id, os.environ["GREETING"], *inherited)
        say("is", cluster.isPrimary, cluster.isMaster, cluster.isWorker)
        watchSelf()
        process = cluster.worker.process
        process.on("message", lambda *_: say("sent", process.send("bye", lambda *e: say("cb", *e))))


def test_a_worker_from_its_start_to_its_end(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          process.nextTick(say, 'a tick');
          const worker = watch(cluster.fork({ GREETING: 'hello' }));
          say('forked', worker.id, worker.state, worker.isConnected(),
              Object.keys(cluster.workers).map(Number));
          worker.on('online', () => {
            say('sent', worker.send({ a: 1 }, (...e) => say('cb', ...e)));
          });
          worker.on('message', () => say('left', worker.disconnect() === worker));
        } else {
          say('started', cluster.worker.id, process.env.GREETING,
              process.env.NODE_UNIQUE_ID, process.env.NODE_CHANNEL_FD);
          say('is', cluster.isPrimary, cluster.isMaster, cluster.isWorker);
          watchSelf();
          process.on('message', () => {
            say('sent', process.send('bye', (...e) => say('cb', ...e)));
          });
        }
        """,
        hello,
    )


def exits() -> None:
    if cluster.isPrimary:
        watchCluster()
        watch(cluster.fork())
    else:
        watchSelf()
        sys.exit(3)


def test_a_worker_that_exits(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          watch(cluster.fork());
        } else {
          watchSelf();
          process.exit(3);
        }
        """,
        exits,
    )


def fails() -> None:
    if cluster.isPrimary:
        watchCluster()
        watch(cluster.fork())
    else:
        raise LookupError("nobody catches this")


def test_a_worker_with_an_uncaught_exception(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          watch(cluster.fork());
        } else {
          process.removeAllListeners('uncaughtException');
          throw new Error('nobody catches this');
        }
        """,
        fails,
    )


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"])
def test_a_worker_that_is_killed(plays: Plays, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNAL", name)
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          const worker = watch(cluster.fork());
          worker.on('message', () => worker.kill(process.env.SIGNAL));
        } else {
          process.send('ready');
        }
        """,
        killed,
    )


def killed() -> None:
    if cluster.isPrimary:
        watchCluster()
        worker = watch(cluster.fork())
        worker.on("message", lambda *_: worker.kill(os.environ["SIGNAL"]))
    else:
        cluster.worker.send("ready")


def destroys() -> None:
    if cluster.isPrimary:
        watchCluster()
        watch(cluster.fork())
    else:
        watchSelf()
        stay()
        cluster.worker.kill("SIGTERM")
        worker = cluster.worker
        say("killed", worker.exitedAfterDisconnect, worker.isConnected())


def test_a_worker_that_kills_itself(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          watch(cluster.fork());
        } else {
          watchSelf();
          stay();
          cluster.worker.kill('SIGTERM');
          const { worker } = cluster;
          say('killed', worker.exitedAfterDisconnect, worker.isConnected());
        }
        """,
        destroys,
    )


def after_the_end() -> None:
    if cluster.isPrimary:
        worker: Any = watch(cluster.fork())

        def ended(*_: object) -> None:
            say("sent", worker.send("x", lambda error: say("cb", error)))
            say("killed", worker.kill(), worker.process.kill())
            say("left", worker.disconnect() is worker)

        worker.on("exit", ended)
    else:
        sys.exit(0)


def test_a_worker_that_has_ended(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = watch(cluster.fork());
          worker.on('exit', () => {
            say('sent', worker.send('x', (error) => say('cb', error)));
            say('killed', worker.kill(), worker.process.kill());
            say('left', worker.disconnect() === worker);
          });
        } else {
          process.exit(0);
        }
        """,
        after_the_end,
    )


def nowhere() -> None:
    watchCluster()
    cluster.setupPrimary({"cwd": "/nonexistent"})
    worker: Any = cluster.fork()
    say("pid", worker.process.pid)
    worker.on("error", lambda error: say("error", error.code))
    worker.on("disconnect", lambda: say("disconnect", worker.process.exitCode))
    worker.on("exit", lambda *values: say("exit", *values))
    worker.process.on("close", lambda *values: say("close", *values))


def test_a_worker_that_cannot_start(plays: Plays) -> None:
    plays.compare(
        """
        watchCluster();
        cluster.setupPrimary({ cwd: '/nonexistent' });
        const worker = cluster.fork();
        say('pid', worker.process.pid);
        worker.on('error', (error) => say('error', error.code));
        worker.on('disconnect', () => say('disconnect', worker.process.exitCode));
        worker.on('exit', (...values) => say('exit', ...values));
        worker.process.on('close', (...values) => say('close', ...values));
        """,
        nowhere,
    )


def nothing_to_open() -> None:
    watchCluster()
    cluster.setupPrimary(silent=bool(os.environ["SILENT"]))
    held = fillUp()
    worker: Any = cluster.fork()
    say("pid", worker.process.pid, worker.state, worker.isConnected(), worker.isDead())
    say("streams", worker.process.stdout, worker.process.channel)
    say("killed", worker.process.kill())
    worker.on("error", lambda error: say("error", error.code, error.errno, worker.isDead()))
    worker.on("disconnect", lambda: say("disconnect"))
    worker.on("exit", lambda *values: say("exit", *values))
    worker.process.on("close", lambda *values: say("close", *values))
    loop.nextTick(loop.nextTick, say, "later", len(held) > 0)


def fillUp() -> list[int]:
    """Open as much as this process may."""
    held: list[int] = []
    while True:
        try:
            held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return held


@pytest.mark.parametrize("silent", [False, True])
def test_a_worker_that_there_is_no_descriptor_for(
    plays: Plays, silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILENT", "1" if silent else "")
    plays.compare(
        """
        watchCluster();
        cluster.setupPrimary({ silent: Boolean(process.env.SILENT) });
        const held = [];
        try {
          for (;;) held.push(fs.openSync('/dev/null'));
        } catch {}
        const worker = cluster.fork();
        say('pid', worker.process.pid, worker.state, worker.isConnected(), worker.isDead());
        say('streams', worker.process.stdout, worker.process.channel);
        say('killed', worker.process.kill());
        worker.on('error', (error) => say('error', error.code, -error.errno, worker.isDead()));
        worker.on('disconnect', () => say('disconnect'));
        worker.on('exit', (...values) => say('exit', ...values));
        worker.process.on('close', (...values) => say('close', ...values));
        process.nextTick(() => process.nextTick(say, 'later', held.length > 0));
        """,
        nothing_to_open,
        descriptors=100,
    )
