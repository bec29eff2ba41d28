"""Rounds: every peer in turn, again and again, until the figures agree or patience ends.

Law: in each round every peer is measured once, in a process that was started for it, before any is
measured again; so what else the machine does strikes all of them alike, and a ratio is taken
between neighbours in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from benchmarks import processes
from benchmarks.figures import UNDISTURBED, Cell, Row, Sample, unsettled
from benchmarks.loads import Load
from benchmarks.peers import Peer
from benchmarks.processes import Failed, Server

_SETTLE_SECONDS = 0.5
_SETTLE_TRIES = 10


@dataclass(frozen=True)
class Plan:
    """How long and how often.

    seconds -- the measured window of one run.
    warmup -- seconds of the same load before it; Node's compiler needs about one.
    rounds -- at least so many.
    most -- and at most so many, while the figures do not agree.
    tries -- how often a run is repeated, at most, that other programs disturbed.
    """

    seconds: float = 1.2
    warmup: float = 1.0
    rounds: int = 5
    most: int = 9
    tries: int = 3


@contextmanager
def _under_test(load: Load, peer: Peer, generator: Path) -> Iterator[Server]:
    servers_cores, generators_cores = processes.cores(load.spread)
    with ExitStack() as stack:
        arguments = list(load.told)
        if load.behind:
            backend = processes.serving([str(generator), "backend"], generators_cores)
            arguments.append(str(stack.enter_context(backend).port))
        command = peer.start(load.program, *arguments)
        yield stack.enter_context(processes.serving(command, servers_cores))


def _timed(load: Load, server: Server, generator: Path, plan: Plan) -> Sample:
    command = [str(generator), *load.arguments, f"port={server.port}"]
    command += [f"pid={pid}" for pid in server.pids]
    command += [f"warmup={plan.warmup}", f"seconds={plan.seconds}"]
    _, cores = processes.cores(load.spread)
    report = processes.put_load(command, cores, plan.warmup + plan.seconds)
    if not report["count"]:
        raise Failed("nothing came back")
    work = report["count"] / load.scale
    return Sample(
        figure=work / report["server_cpu"],
        throughput=work / report["wall"],
        p99_ms=report["p99_us"] / 1e3 if "p99_us" in report else None,
        server_share=report["server_cpu"] / report["wall"],
        generator_share=report["own_cpu"] / report["wall"],
        # Where all share the cores they wait for each other.
        disturbed=0.0 if load.spread else report["server_waited"] / report["wall"],
        lost=report["lost"],
    )


def _settled(pid: int) -> int:
    """The weight of a process that has stopped to grow and to shrink (Node collects when idle)."""
    before = -1
    for _ in range(_SETTLE_TRIES):
        now = processes.resident(pid)
        if now == before:
            break
        before = now
        sleep(_SETTLE_SECONDS)
    return now


def _weighed(load: Load, server: Server, generator: Path) -> Sample:
    """Weigh what the second half of the connections adds: the first one settles the heap."""
    half = load.settings["connections"]
    command = [str(generator), *load.arguments, f"port={server.port}"]
    _, cores = processes.cores()
    with processes.started(command, cores):
        before = _settled(server.pid)
        with processes.started(command, cores):
            return Sample(figure=(_settled(server.pid) - before) / half)


def run_once(load: Load, peer: Peer, generator: Path, plan: Plan) -> Sample:
    """Start a peer's server, put one load on it, stop it; again if it was disturbed.

    Returns the least disturbed try.
    Raises Failed when the server or the load broke off.
    """
    samples: list[Sample] = []
    while len(samples) < plan.tries:
        with _under_test(load, peer, generator) as server:
            if load.memory:
                return _weighed(load, server, generator)
            samples.append(_timed(load, server, generator, plan))
        if samples[-1].disturbed <= UNDISTURBED:
            break
    return min(samples, key=lambda sample: sample.disturbed)


def run_rounds(
    load: Load, peers: list[Peer], generator: Path, plan: Plan, say: Callable[[str], None]
) -> Row:
    """Measure one load with all peers.

    say -- is told what is being done.

    Returns the row of the report; a peer that fails keeps its place, with the reason.
    """
    cells = {peer.name: Cell() for peer in peers}
    done = 0
    while done < plan.rounds or (done < plan.most and unsettled(cells)):
        for turn in range(len(peers)):
            peer = peers[(turn + done) % len(peers)]
            cell = cells[peer.name]
            if cell.failure or (load.only and peer.name not in load.only):
                continue
            say(f"{load.name}: round {done + 1}, {peer.name}")
            try:
                cell.samples.append(run_once(load, peer, generator, plan))
            except Failed as failure:
                cell.failure = str(failure)
        done += 1
    return Row(load, cells)
