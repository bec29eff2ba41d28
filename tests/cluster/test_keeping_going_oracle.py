"""Who keeps whom going: a primary its workers, and a worker its primary, as in Node."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
from cluster_plays import Plays
from cluster_program import stay, watch, watchSelf

from nodenet import cluster

pytestmark = pytest.mark.oracle


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
