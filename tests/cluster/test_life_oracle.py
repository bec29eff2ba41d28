"""The life of workers, as Node's cluster tells it: which events, in which order, with what."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
from cluster_plays import Plays
from cluster_program import say, stay, watch, watchCluster, watchSelf

from nodenet import cluster, loop, net

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


def disconnects() -> None:
    if cluster.isPrimary:
        watchCluster()
        watch(cluster.fork())
        return
    watchSelf()
    worker = cluster.worker
    say("left", worker.disconnect() is worker, worker.exitedAfterDisconnect, worker.isConnected())
    say("sent", worker.send("last words"))

    def late() -> None:
        say("late", worker.process.send("too late", lambda error: say("cb", error)))

    worker.process.on("disconnect", late)


def test_a_worker_that_disconnects_itself(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          watch(cluster.fork());
        } else {
          watchSelf();
          const { worker } = cluster;
          say('left', worker.disconnect() === worker, worker.exitedAfterDisconnect,
              worker.isConnected());
          say('sent', worker.send('last words'));
          process.on('disconnect', () => {
            say('late', process.send('too late', (error) => say('cb', error)));
          });
        }
        """,
        disconnects,
    )


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


def channel_closed() -> None:
    if cluster.isPrimary:
        watchCluster()
        worker = watch(cluster.fork())
        worker.process.removeAllListeners("close")  # Node forgets that one here
        worker.on("online", worker.process.disconnect)
        worker.on("online", worker.process.disconnect)
        worker.on("online", lambda: say("sent", worker.send("x", lambda error: say("cb", error))))
    else:
        watchSelf()
        stay()


def test_a_worker_whose_channel_is_closed_exits(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          const worker = watch(cluster.fork());
          worker.process.removeAllListeners('close');
          worker.on('online', () => worker.process.disconnect());
          worker.on('online', () => worker.process.disconnect());
          worker.on('online', () => {
            say('sent', worker.send('x', (error) => say('cb', error)));
          });
        } else {
          watchSelf();
          stay();
        }
        """,
        channel_closed,
    )


def all_disconnect() -> None:
    if cluster.isPrimary:
        watchCluster()
        workers = [watch(cluster.fork()), watch(cluster.fork())]

        def online(*_: object) -> None:
            if all(worker.state == "online" for worker in workers):
                cluster.disconnect(lambda *rest: say("all", *rest, [*cluster.workers]))

        cluster.on("online", online)
    else:
        watchSelf()


def test_all_workers_disconnect(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watchCluster();
          const workers = [watch(cluster.fork()), watch(cluster.fork())];
          cluster.on('online', () => {
            if (workers.every(({ state }) => state === 'online')) {
              cluster.disconnect((...rest) => say('all', ...rest, Object.keys(cluster.workers)));
            }
          });
        } else {
          watchSelf();
        }
        """,
        all_disconnect,
        "W1",
        "W2",
    )


def connection_goes_on() -> None:
    if not cluster.isPrimary:
        watchSelf()
        server = net.createServer(lambda connection: connection.pipe(connection))
        server.on("close", lambda: say("server closed"))
        server.listen(0, "127.0.0.1")
        return
    worker = cluster.fork()
    watch(worker)

    def connect(address: Any) -> None:
        client = net.connect(address.port, "127.0.0.1")
        client.write("before")

        def heard(data: bytes) -> None:
            say("echo", data)
            if data == b"before":
                worker.disconnect()
                # The worker closes its server when it hears of it; then nobody listens there.
                refused(address.port, lambda: client.write("after"))
            else:
                client.end()

        client.on("data", heard)

    def refused(port: int, then: Any) -> None:
        probe = net.connect(port, "127.0.0.1")

        @probe.on("error")
        def nobody(error: Any) -> None:
            say("probe", error.code)
            then()

        @probe.on("connect")
        def somebody() -> None:
            probe.destroy()
            refused(port, then)

    worker.removeAllListeners("listening")
    worker.on("listening", connect)


def test_a_worker_that_is_told_to_disconnect_lets_its_connections_end(plays: Plays) -> None:
    plays.compare(
        """
        if (!cluster.isPrimary) {
          watchSelf();
          const server = net.createServer((connection) => connection.pipe(connection));
          server.on('close', () => say('server closed'));
          server.listen(0, '127.0.0.1');
        } else {
          const worker = cluster.fork();
          watch(worker);
          const refused = (port, then) => {
            const probe = net.connect(port, '127.0.0.1');
            probe.on('error', (error) => { say('probe', error.code); then(); });
            probe.on('connect', () => { probe.destroy(); refused(port, then); });
          };
          worker.removeAllListeners('listening');
          worker.on('listening', ({ port }) => {
            const client = net.connect(port, '127.0.0.1');
            client.write('before');
            client.on('data', (data) => {
              say('echo', data);
              if (String(data) === 'before') {
                worker.disconnect();
                refused(port, () => client.write('after'));
              } else {
                client.end();
              }
            });
          });
        }
        """,
        connection_goes_on,
    )


def nobody_to_disconnect() -> None:
    say("returned", cluster.disconnect(lambda *rest: say("all", *rest)))
    loop.nextTick(say, "a tick")


def test_nobody_to_disconnect(plays: Plays) -> None:
    plays.compare(
        """
        say('returned', cluster.disconnect((...rest) => say('all', ...rest)));
        process.nextTick(say, 'a tick');
        """,
        nobody_to_disconnect,
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


def primary_dies() -> None:
    if cluster.isPrimary:
        worker = watch(cluster.fork())
        worker.on("message", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    else:
        watchSelf()
        stay()
        cluster.worker.send("ready")


def test_workers_end_with_their_primary(plays: Plays) -> None:
    trace = plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = watch(cluster.fork());
          worker.on('message', () => process.kill(process.pid, 'SIGKILL'));
        } else {
          watchSelf();
          stay();
          process.send('ready');
        }
        """,
        primary_dies,
    )
    assert trace[-1] == "W1 worker disconnect 'online'"


def primary_exits() -> None:
    if cluster.isPrimary:
        worker = watch(cluster.fork())
        worker.on("message", lambda *_: sys.exit(5))
    else:
        watchSelf()
        stay()
        cluster.worker.send("ready")


def test_workers_end_when_their_primary_exits(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = watch(cluster.fork());
          worker.on('message', () => process.exit(5));
        } else {
          watchSelf();
          stay();
          process.send('ready');
        }
        """,
        primary_exits,
    )


def unreferenced() -> None:
    if cluster.isPrimary:
        watch(cluster.fork())
    else:
        cluster.worker.process.channel.unref()


def test_a_worker_that_does_not_wait_for_messages_ends(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          watch(cluster.fork());
        } else {
          process.channel.unref();
        }
        """,
        unreferenced,
    )


def not_waited_for() -> None:
    if cluster.isPrimary:
        worker: Any = watch(cluster.fork())

        def leave() -> None:
            worker.process.unref()
            worker.process.channel.unref()

        worker.on("online", leave)
    else:
        watchSelf()


def test_a_primary_that_does_not_wait_for_its_worker_ends(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = watch(cluster.fork());
          worker.on('online', () => {
            worker.process.unref();
            worker.process.channel.unref();
          });
        } else {
          watchSelf();
        }
        """,
        not_waited_for,
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
