"""Ending a worker in each of its states, once and again, as Node does it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from cluster_plays import Plays
from cluster_program import say, stay, watch, watchCluster, watchSelf

from nodenet import cluster, net

PLAYS: dict[str, tuple[str, Callable[[], object]]] = {}


def play(js: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Compare this with what it decorates: what the primary does, and its workers."""

    def decorator(program: Callable[[], object]) -> Callable[[], object]:
        PLAYS[program.__name__] = js, program
        return program

    return decorator


def chosen() -> None:
    PLAYS[os.environ["PLAY"]][1]()


@play(
    """
    if (cluster.isWorker) return void watchSelf();
    watchCluster();
    const worker = watch(cluster.fork());
    say('left', worker.disconnect() === worker, Object.keys(cluster.workers).map(Number));
    """
)
def disconnect_before_it_runs() -> None:
    if cluster.isWorker:
        watchSelf()
        return
    watchCluster()
    worker = watch(cluster.fork())
    say("left", worker.disconnect() is worker, [*cluster.workers])


@play(
    """
    if (cluster.isWorker) return void watchSelf();
    watchCluster();
    const worker = watch(cluster.fork());
    worker.kill();
    worker.kill('SIGTERM');
    """
)
def kill_before_it_runs() -> None:
    if cluster.isWorker:
        watchSelf()
        return
    watchCluster()
    worker = watch(cluster.fork())
    worker.kill()
    worker.kill("SIGTERM")


@play(
    """
    if (cluster.isWorker) { stay(); return }
    watchCluster();
    const worker = watch(cluster.fork());
    worker.process.removeAllListeners('close');
    worker.on('online', () => {
      worker.process.disconnect();
      say('closed', worker.isConnected(), worker.process.connected);
      worker.disconnect();
      say('disconnected', worker.exitedAfterDisconnect);
    });
    """
)
def disconnect_after_its_channel() -> None:
    if cluster.isWorker:
        stay()
        return
    watchCluster()
    worker = watch(cluster.fork())
    worker.process.removeAllListeners("close")

    def online() -> None:
        worker.process.disconnect()
        say("closed", worker.isConnected(), worker.process.connected)
        worker.disconnect()
        say("disconnected", worker.exitedAfterDisconnect)

    worker.on("online", online)


@play(
    """
    if (cluster.isPrimary) { watchCluster(); watch(cluster.fork()); return }
    watchSelf();
    const server = net.createServer();
    for (const name of ['listening', 'error']) {
      server.on(name, (...values) => say(`server ${name}`, ...values));
    }
    server.listen(0, '127.0.0.1');
    cluster.worker.disconnect();
    cluster.worker.on('disconnect', () => net.createServer().listen(0));
    """
)
def disconnect_while_it_asks() -> None:
    if cluster.isPrimary:
        watchCluster()
        watch(cluster.fork())
        return
    watchSelf()
    server = net.createServer()
    for name in "listening", "error":
        server.on(name, lambda *values, name=name: say(f"server {name}", *values))
    server.listen(0, "127.0.0.1")
    cluster.worker.disconnect()
    cluster.worker.on("disconnect", lambda: net.createServer().listen(0))


@play(
    """
    if (cluster.isPrimary) {
      const worker = cluster.fork();
      for (const name of ['disconnect', 'exit']) worker.on(name, () => say(name));
      worker.on('message', (text) => say('got', text.length));
      return;
    }
    for (let i = 0; i < 5; i++) process.send('x'.repeat(1000000 + i));
    cluster.worker.disconnect();
    """
)
def disconnect_behind_much() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        for name in "disconnect", "exit":
            worker.on(name, lambda *_, name=name: say(name))
        worker.on("message", lambda text, _: say("got", len(text)))
        return
    for index in range(5):
        cluster.worker.send("x" * (1_000_000 + index))
    cluster.worker.disconnect()


@pytest.mark.oracle
@pytest.mark.parametrize("name", PLAYS)
def test_ending_a_worker(plays: Plays, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAY", name)
    plays.compare(PLAYS[name][0], chosen)


def disconnect_twice() -> None:
    if cluster.isWorker:
        watchSelf()
        return
    watchCluster()
    worker = watch(cluster.fork())

    def online() -> None:
        worker.disconnect()
        worker.disconnect()
        say("twice", worker.isConnected(), worker.exitedAfterDisconnect)

    worker.on("online", online)


def kill_after_disconnect() -> None:
    if cluster.isPrimary:
        watchCluster()
        watch(cluster.fork())
        return
    watchSelf()
    stay()
    cluster.worker.disconnect()
    cluster.worker.kill()
    cluster.worker.kill()


@pytest.mark.parametrize("program", [disconnect_twice, kill_after_disconnect])
def test_whoever_says_it_again_hears_no_error(alone: Plays, program: Callable[[], object]) -> None:
    """Node's processes may tell of a channel that is closed, each of its own."""
    trace = alone.run(program)
    assert not [line for line in trace if "error" in line]
    assert {"P process exit 0", "W1 process disconnect", "P ended with 0"} <= set(trace)
