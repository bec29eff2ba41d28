"""``twistd nodenet ... --workers``: who crashes, who is replaced, and how all of them end."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import time
from pathlib import Path
from threading import Event, Thread

import pytest
from smoke.program import PATIENCE, Program, everything, stuck
from smoke.workers import TCP, Start, asked, dial, gone, where, workers


def test_who_crashes_comes_back_and_nobody_is_refused(start: Start) -> None:
    program = start("run", "--workers=1", "who:crashes")
    place = where(program)
    for wait in ("0.25", "0.5"):
        assert asked_or_reset(place) == ""
        program.says(rf"worker \d has exited with 3; another is started in {wait} s")
    # Nobody is at work now: this waits for the next, who comes and crashes.
    assert asked_or_reset(place) == ""


def asked_or_reset(place: tuple[str, int]) -> str:
    try:
        return asked(place)
    except ConnectionResetError:
        return ""


def test_replacing_refuses_nobody(start: Start, tmp_path: Path) -> None:
    program = start("run", "--workers=2", "who:main")
    place = where(program)
    before = set(workers(program))
    heard: list[str] = []
    done = Event()

    def connect() -> None:
        while not done.is_set():
            heard.append(asked(place))

    client = Thread(target=connect)
    client.start()
    try:
        for _ in range(2):
            program.signal(signal.SIGHUP)
            program.says("the workers are replaced")
        for pid in before:
            assert gone(pid)
        deadline = time.monotonic() + PATIENCE
        while len(workers(program)) != 2:
            assert time.monotonic() < deadline
        now = {str(pid) for pid in workers(program)}
        seen = len(heard)
        while not now <= set(heard[seen:]):
            assert time.monotonic() < deadline
    finally:
        done.set()
        client.join()
    assert "" not in heard
    assert not before & {int(pid) for pid in heard[-2:]}


def test_who_cannot_take_over_leaves_the_one_before(start: Start, tmp_path: Path) -> None:
    program = start("run", "--workers=1", "who:fragile")
    place = where(program)
    before = asked(place)
    (tmp_path / "broken").touch()
    program.signal(signal.SIGHUP)
    program.says("it is broken")
    program.says("worker 2 has exited with 1; the one before stays")
    assert asked(place) == before
    (tmp_path / "broken").unlink()
    program.signal(signal.SIGHUP)
    program.says("the workers are replaced")
    assert asked(place) != before


def test_replacing_again_before_it_is_done(start: Start) -> None:
    program = start("run", "--workers=1", "who:main")
    place = where(program)
    first = workers(program)
    program.signal(signal.SIGHUP)
    program.says("replacing the workers")
    for _ in range(3):
        program.signal(signal.SIGHUP)
    program.says("the workers are replaced")
    program.says("the workers are replaced")
    deadline = time.monotonic() + PATIENCE
    while len(workers(program)) != 1:
        assert time.monotonic() < deadline
    assert first != workers(program) == [int(asked(place))]


def test_what_a_terminal_sends_to_all_ends_nobody_who_starts(start: Start) -> None:
    program = start("run", "--workers=1", "who:main")
    place = where(program)
    before = set(workers(program))
    program.signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while not (starting := set(workers(program)) - before):
        assert time.monotonic() < deadline
    (worker,) = starting
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
        os.kill(worker, number)
    program.says("the workers are replaced")
    assert asked(place) == str(worker)
    assert "Traceback" not in program.transcript


@pytest.mark.parametrize("room", [0, 3])
def test_no_descriptors_for_another(start: Start, room: int) -> None:
    program = start("run", "--workers=1", "who:main")
    place = where(program)
    pid = program.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    halt_without_a_worker(program)
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    free = [fd for fd in range(max(used) + room + 2) if fd not in used]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[room], limits[1]))
    program.signal(signal.SIGCONT)
    program.says(r"worker 2: spawn \S+ EMFILE")
    program.says("worker 2 could not be started; another is started in 0.5 s")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert asked(place) == str(*workers(program))


def halt_without_a_worker(program: Program) -> None:
    """Kill its worker and halt it before it starts another, which it does later each time."""
    while True:
        for worker in workers(program):
            os.kill(worker, signal.SIGKILL)
        program.says("was ended by SIGKILL; another is started in")
        program.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, program.process.pid, os.WSTOPPED)
        if not workers(program):
            return
        program.signal(signal.SIGCONT)


def test_who_cannot_begin_ends_the_service(start: Start) -> None:
    program = start("run", "--workers=2", "who:fails")
    assert program.status() == 1
    assert re.search(r"who:fails: ZeroDivisionError: oops \(who.py, line \d+\)", program.transcript)
    assert "Traceback" not in program.transcript


def test_a_program_that_has_come_to_its_end(start: Start) -> None:
    program = start("run", "--workers=1", "who:once_only")
    assert asked(where(program)) == "bye"
    assert program.status() == 0


def test_a_taken_port_is_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = start("echo", "--workers=2", "--listen", f"tcp:{port}:interface=127.0.0.1")
        assert program.status() == 1
    assert f"nodenet: listen EADDRINUSE: address already in use 127.0.0.1:{port}" in program.errors
    assert "Traceback" not in program.transcript


def test_stopping_lets_connections_finish(start: Start) -> None:
    program = start("echo", "--workers=2", "--grace=3600", "--listen", TCP)
    place = where(program)
    pids = workers(program)
    with dial(place) as client:
        sent = stuck(client)
        client.settimeout(PATIENCE)
        program.signal(signal.SIGTERM)
        program.says("1 get 3600 s to finish")
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == sent
    assert program.status() == -signal.SIGTERM
    assert all(gone(pid) for pid in pids)
    assert "Traceback" not in program.transcript


def test_the_second_signal_waits_for_nobody(start: Start) -> None:
    program = start("echo", "--workers=2", "--grace=3600", "--listen", TCP)
    place = where(program)
    pids = workers(program)
    with dial(place) as client:
        stuck(client)
        program.signal(signal.SIGINT)
        program.says("1 get 3600 s to finish")
        program.signal(signal.SIGINT)
        program.status()
    assert all(gone(pid) for pid in pids)


def test_workers_do_not_outlive_a_killed_primary(start: Start) -> None:
    program = start("echo", "--workers=2", "--listen", TCP)
    where(program)
    pids = workers(program)
    program.signal(signal.SIGKILL)
    assert program.status() == -signal.SIGKILL
    assert all(gone(pid, reaped=False) for pid in pids)
