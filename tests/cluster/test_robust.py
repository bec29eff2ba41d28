"""Workers that hang, die and flood: what they had not taken yet is not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from cluster_plays import DEADLINE, Plays
from cluster_program import say, stay

from nodenet import cluster, loop, net
from nodenet.errors import ERR_INVALID_HANDLE_TYPE

CLIENTS = 40


def connections_outlive_workers() -> None:
    """Connections are sent to a worker that is stopped, and that is killed then."""
    if not cluster.isPrimary:
        cluster.worker.on("message", lambda _, connection: connection.end(b"served"))
        return
    stopped, living = cluster.fork(), cluster.fork()
    under_way: list[net.Socket] = []
    failed: list[Any] = []
    served: list[bytes] = []

    def accepted(connection: net.Socket) -> None:
        stopped.send("yours", connection, lambda error: retry(connection, error))
        under_way.append(connection)
        if len(under_way) == CLIENTS:
            stopped.kill("SIGKILL")

    def retry(connection: net.Socket, error: Any) -> None:
        failed.append(error)
        living.send("yours", connection)

    def closed() -> None:
        served.append(b"")
        if len(served) == 2 * CLIENTS:
            codes = {error and error.code for error in failed}
            say("failed", len(failed), *codes)
            say("served", sorted({*served}))
            server.close()
            cluster.disconnect()

    def go(_: object = None) -> None:
        os.kill(stopped.process.pid or 0, signal.SIGSTOP)
        address: Any = server.address()
        for _ in range(CLIENTS):
            client = net.connect(address.port, "127.0.0.1")
            client.on("data", served.append)
            client.on("close", lambda _: closed())

    server = net.createServer({"pauseOnConnect": True}, accepted)
    stopped.on("online", lambda: server.listen(0, "127.0.0.1", go))


def test_connections_that_a_dead_worker_had_not_taken_go_to_another(alone: Plays) -> None:
    assert alone.run(connections_outlive_workers) == [
        f"P failed {CLIENTS} 'ERR_IPC_CHANNEL_CLOSED'",
        r"P served [b'', b'served']",
        "P ended with 0",
    ]


def flood() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        got: list[int] = []

        def take(number: Any, _: object) -> None:
            got.append(number)
            if number is None:
                say("in order", got[:-1] == list(range(20_000)))
                worker.disconnect()

        worker.on("message", take)
    else:
        send = cluster.worker.send
        results = {send(number) for number in range(20_000)}
        say("asks for a pause", False in results)
        send(None)


def test_a_flood_arrives_whole(alone: Plays) -> None:
    assert sorted(alone.run(flood)) == [
        "P ended with 0",
        "P in order True",
        "W1 asks for a pause True",
    ]


def hangs() -> None:
    if not cluster.isPrimary:
        signal.pause()
    worker = cluster.fork()
    text = "x" * 8_000_000
    failures: list[Any] = []

    def told(error: Any) -> None:
        failures.append(error and error.code)
        if len(failures) == 1:
            say("refused", error.code)
            worker.kill("SIGKILL")
        elif len(failures) == 10:
            say("failed", sorted(set(failures)))

    for _ in range(10):
        worker.send(text, told)


def test_a_worker_that_hangs_does_not_fill_the_memory(alone: Plays) -> None:
    assert alone.run(hangs) == [
        "P refused 'ENOBUFS'",
        "P failed ['ENOBUFS', 'ERR_IPC_CHANNEL_CLOSED']",
        "P ended with 0",
    ]


def shy() -> None:
    if cluster.isPrimary:
        for _ in range(4):
            cluster.fork()
    else:
        stay()
        say("is", os.getpid())


def test_no_worker_outlives_a_primary_that_is_killed(tmp_path: Path) -> None:
    program = Path(__file__).parents[1] / "cluster_program.py"
    command = [sys.executable, str(program), __file__, "shy"]
    primary = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert primary.stdout is not None
    for _ in range(4):
        assert b"is" in primary.stdout.readline()
    primary.kill()
    rest, _ = primary.communicate(timeout=DEADLINE)  # to the end of what its workers may say
    assert rest == b""


def test_ctrl_c_ends_all_without_a_word() -> None:
    program = Path(__file__).parents[1] / "cluster_program.py"
    command = [sys.executable, str(program), __file__, "shy"]
    primary = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no lock
    )
    assert primary.stdout is not None
    for _ in range(4):
        assert b"is" in primary.stdout.readline()
    os.killpg(primary.pid, signal.SIGINT)  # as a terminal does
    assert primary.communicate(timeout=DEADLINE) == (b"", b"")
    assert primary.returncode == 128 + signal.SIGINT


def dealt() -> None:
    if cluster.isPrimary:
        cluster.fork()
        return

    def listening() -> None:
        try:
            cluster.worker.send("mine", server)
        except ERR_INVALID_HANDLE_TYPE:
            say("refused")
        cluster.worker.disconnect()

    server = net.createServer()
    server.listen(0, "127.0.0.1", listening)


def test_a_server_that_is_dealt_its_connections_cannot_be_sent(alone: Plays) -> None:
    assert alone.run(dealt) == ["W1 refused", "P ended with 0"]


def busy() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        worker.on("message", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    else:
        cluster.worker.on("disconnect", lambda: say("disconnect"))
        for _ in range(30):
            cluster.worker.send("x" * 1_000_000)
            cluster.worker.send("a connection", net.createServer())
        net.createServer().listen(0, "127.0.0.1")
        loop.pollerOf().reactor.addSystemEventTrigger("after", "shutdown", say, "ends")


def test_a_busy_worker_ends_quietly_with_its_primary(alone: Plays) -> None:
    assert alone.run(busy) == ["W1 disconnect", "W1 ends", "P ended with -9"]
