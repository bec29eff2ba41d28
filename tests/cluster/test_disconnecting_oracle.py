"""Workers that disconnect, by themselves or because they are told to, as in Node."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_plays import Plays
from cluster_program import say, stay, watch, watchCluster, watchSelf

from nodenet import cluster, loop, net

pytestmark = pytest.mark.oracle


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
