"""What the primary of a service holds for its workers, and for how long."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from smoke.program import PATIENCE, stuck
from smoke.workers import TCP, Start, asked, dial, where, workers

DOORS = """
import os
from nodenet import net

def main():
    def greet(client):
        client.on("error", lambda error: None).end(str(os.getpid()))
        side.close()

    side = net.createServer(lambda client: client.end("side")).listen(0, "127.0.0.2")
    return [net.createServer(greet).listen(0, "127.0.0.1"), side]
"""


@pytest.fixture
def doors(tmp_path: Path) -> None:
    """A program that closes one of its ports in each worker that somebody connects to."""
    (tmp_path / "doors.py").write_text(DOORS)


def refused(place: tuple[str, int]) -> bool:
    try:
        dial(place).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was just closing
        pass
    return False


@pytest.mark.usefixtures("doors")
def test_a_port_that_no_worker_has_open_any_more_is_closed(start: Start) -> None:
    program = start("run", "--workers=2", "doors:main")
    ports = {}
    for _ in range(2):
        host, port = program.says(r"listening on tcp (\S+):(\d+)").groups()
        ports[host] = int(port)
    main, side = ("127.0.0.1", ports["127.0.0.1"]), ("127.0.0.2", ports["127.0.0.2"])
    pids = {str(pid) for pid in workers(program)}
    first = asked(main)
    assert asked(side) == "side"  # the other worker has it
    assert {first, asked(main)} == pids
    deadline = time.monotonic() + PATIENCE
    while not refused(side):
        assert time.monotonic() < deadline
    assert asked(main) in pids


def test_a_worker_that_ends_in_order_takes_no_port_with_it(start: Start) -> None:
    program = start("run", "--workers=1", "who:main")
    place = where(program)
    (worker,) = workers(program)
    os.kill(worker, signal.SIGTERM)
    program.says("was ended by SIGTERM; another is started in 0.25 s")
    assert asked(place) == str(*workers(program)) != str(worker)  # nobody was at work


def test_a_service_that_stops_refuses_clients_at_once(start: Start) -> None:
    program = start("echo", "--workers=2", "--grace=3600", "--listen", TCP)
    place = where(program)
    with dial(place) as client:
        stuck(client)
        program.signal(signal.SIGTERM)
        program.says("1 get 3600 s to finish")
        assert refused(place)
