"""Servers and generators as processes: each on a core of its own, none of them outlives its use.

Law: every process that is started here is waited for here.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.peers import ROOT

_SOURCES = Path(__file__).resolve().parent / "generator"
_GRACE_SECONDS = 20.0


class Failed(Exception):
    """A server did not start, or a load broke off; the message is the process's own last line."""


@dataclass(frozen=True)
class Server:
    """A process that listens on loopback, with its workers if it is a cluster.

    pids -- its own, and those of its workers.
    port -- that it announced.
    """

    pids: tuple[int, ...]
    port: int

    @property
    def pid(self) -> int:
        """Its own."""
        return self.pids[0]


def cores(spread: bool = False) -> tuple[set[int], set[int]]:
    """Choose the server's core and the generator's; on a machine with one core they share it.

    spread -- whether both may use all of them.
    """
    usable = sorted(os.sched_getaffinity(0))
    return (set(usable), set(usable)) if spread else ({usable[0]}, {usable[-1]})


def raise_limits() -> None:
    """Let what is started here have as many descriptors as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def build(directory: Path) -> Path:
    """Compile the load generator.

    directory -- where the binary goes.

    Raises Failed where there is no C compiler or the compiler refuses.
    """
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        raise Failed("the load generator needs a C compiler: there is no cc, and CC is not set")
    binary = directory / "load"
    sources = sorted(str(path) for path in _SOURCES.glob("*.c"))
    command = [compiler, "-O2", "-std=gnu11", *sources, "-o", str(binary)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failed(result.stderr)
    return binary


@contextmanager
def _pinned(cores: set[int]) -> Iterator[None]:
    """What is started inside inherits the cores, with its threads, from its first instruction."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "it said nothing"


def _first_line(process: subprocess.Popen[str], errors: IO[str], patience: float) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], patience)
    line = process.stdout.readline() if ready else ""
    if not line:
        errors.seek(0)
        raise Failed(_last_line(errors.read()))
    return line


@contextmanager
def started(
    command: Sequence[str], cores: set[int], patience: float = _GRACE_SECONDS
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a process for the length of a ``with`` block.

    command -- what to run, from the root of the repository.
    cores -- those that it may use.
    patience -- seconds until its first line, at most.

    Yields the process and the first line that it wrote.
    Raises Failed when it ends, or its time is up, before that line.
    """
    with tempfile.TemporaryFile("w+") as errors:
        with _pinned(cores):
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        with process:
            try:
                yield process, _first_line(process, errors, patience)
            finally:
                process.kill()


@contextmanager
def serving(command: Sequence[str], cores: set[int]) -> Iterator[Server]:
    """Run a server for the length of a ``with`` block.

    command -- what starts it; it writes the number of its port as its first line, and behind it
        the numbers of its workers' processes, if it has any. They end when it does.
    cores -- those that it may use.

    Raises Failed when it does not begin to serve.
    """
    with started(command, cores) as (process, line):
        port, *workers = map(int, line.split())
        yield Server((process.pid, *workers), port)


def put_load(command: Sequence[str], cores: set[int], seconds: float) -> dict[str, Any]:
    """Run the load generator once.

    command -- the generator with its whole command line.
    cores -- those that it may use.
    seconds -- how long the load lasts, warm-up included.

    Returns what it reports.
    Raises Failed when the load broke off.
    """
    with started(command, cores, seconds + _GRACE_SECONDS) as (_, line):
        report: dict[str, Any] = json.loads(line)
        return report


def resident(pid: int) -> int:
    """Weigh a process: its proportional set size in KiB (shared pages count by their share)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0])
    raise Failed(f"/proc/{pid}/smaps_rollup gives no Pss")
