"""Workers of a service that do not become ready."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from smoke.program import Program
from smoke.workers import Start, asked, where, workers

# The program, and a service with less patience than it has otherwise.
STUCK = """
import os
from nodenet import net

def main():
    if os.path.exists("stuck"):
        open("stuck").close()  # a pipe: not before somebody opens its other end
    greet = lambda client: client.on("error", lambda error: None).end(str(os.getpid()))
    return net.createServer(greet).listen(0, "127.0.0.1")
"""
TAC = """
from twisted.application.service import Application
from nodenet.services import WorkersService, _crew

_crew._PATIENCE = 1.0
application = Application("stuck")
WorkersService(["run", "stuck:main"], 1).setServiceParent(application)
"""


@pytest.fixture
def impatient(start: Start, tmp_path: Path) -> Callable[[], Program]:
    """Starts a service with one worker, which hangs while there is a pipe named stuck."""
    (tmp_path / "stuck.py").write_text(STUCK)
    (tmp_path / "stuck.tac").write_text(TAC)
    return lambda: start(prefix=("-noy", "stuck.tac"), words=())


def test_who_comes_back_and_does_not_become_ready_is_killed(
    impatient: Callable[[], Program], tmp_path: Path
) -> None:
    program = impatient()
    where(program)
    os.mkfifo(tmp_path / "stuck")
    (worker,) = workers(program)
    os.kill(worker, signal.SIGKILL)
    for number, wait in ((2, "0.5"), (3, "1")):
        program.says(f"worker {number} does not become ready")
        program.says(f"worker {number} was ended by SIGKILL; another is started in {wait} s")


def test_the_first_may_take_its_time(impatient: Callable[[], Program], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stuck")
    program = impatient()
    for _ in range(2):
        program.says("worker 1 does not become ready")
    with open(tmp_path / "stuck", "w"):
        (tmp_path / "stuck").unlink()
    place = where(program)
    assert asked(place) == str(*workers(program))
    assert "SIGKILL" not in program.transcript
