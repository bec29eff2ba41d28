"""The loads: what the generator does to which server program.

Law: a load names one program of ``servers/`` and one mode of the generator, and says nothing of
peers: each peer gets the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Load:
    """One row of the report.

    name -- what ``--only`` takes.
    title -- what the report says.
    program -- the server program, without its suffix.
    mode -- the generator's mode.
    settings -- the generator's settings: sockets, bytes, what is in flight.
    unit -- what is counted.
    scale -- counted things to one unit.
    behind -- whether a backend of the generator stands behind the server.
    told -- what the server program is told.
    spread -- whether server and generator share all cores; else each has one of its own.
    only -- the peers that have such a program; empty: all of them.
    """

    name: str
    title: str
    program: str
    mode: str
    settings: dict[str, int] = field(default_factory=dict)
    unit: str = "requests"
    scale: float = 1.0
    behind: bool = False
    told: tuple[str, ...] = ()
    spread: bool = False
    only: tuple[str, ...] = ()

    @property
    def memory(self) -> bool:
        """Whether this load weighs idle connections; less is better then."""
        return self.mode == "idle"

    @property
    def arguments(self) -> list[str]:
        """The generator's command line, without the server and the times."""
        return [self.mode, *(f"{name}={value}" for name, value in self.settings.items())]


def _pingpong(connections: int) -> Load:
    plural = "" if connections == 1 else "s"
    return Load(
        f"tcp-{connections}",
        f"TCP ping-pong, {connections} connection{plural}",
        "tcp_echo",
        "pingpong",
        {"connections": connections, "size": 64},
    )


def _stream(name: str, title: str, program: str, mode: str) -> Load:
    settings = {"connections": 4, "size": 65536, "window": 262144}
    return Load(name, title, program, mode, settings, unit="MB", scale=1e6)


def _source(size: int, title: str) -> Load:
    """A stream to the client, in chunks of `size` bytes: what the server writes at once."""
    name = "stream-out" if size == 65536 else f"stream-out-{size}"
    settings = {"connections": 4}
    told = (str(size),)
    return Load(name, title, "tcp_source", "source", settings, unit="MB", scale=1e6, told=told)


def _lines(lines: int, title: str) -> Load:
    settings = {"connections": 50, "size": 32 * lines, "lines": lines}
    return Load(f"lines-{lines}", title, "tcp_lines", "pingpong", settings)


def _datagrams(window: int, size: int) -> Load:
    return Load(
        f"udp-{window}-{size}",
        f"UDP ping-pong, {window} in flight, {size:,} bytes",
        "udp_echo",
        "udp-pingpong",
        {"window": window, "size": size},
        unit="datagrams",
    )


def _cluster(kind: str, workers: int, how: str) -> Load:
    """A load on a cluster: `how` is who spreads connections over the workers."""
    churn = kind == "connect"
    spreads = {"dealt": "dealt out", "accept": "accepting", "reuse": "with reusePort"}[how]
    plural = "" if workers == 1 else "s"
    return Load(
        f"cluster-{kind}-{how}-{workers}",
        f"{'connect and close' if churn else 'TCP ping-pong'}, {workers} worker{plural}, {spreads}",
        "cluster_echo",
        "churn" if churn else "pingpong",
        {"connections": 16} if churn else {"connections": 50, "size": 64},
        unit="connections" if churn else "requests",
        told=(str(workers), how),
        spread=True,
        only=("nodenet", "Node"),
    )


LOADS = (
    _pingpong(1),
    _pingpong(50),
    _pingpong(500),
    _stream("stream-in", "TCP stream, client to server", "tcp_sink", "sink"),
    _source(65536, "TCP stream, server to client"),
    _source(16384, "TCP stream, server to client, 16 KiB in a write"),
    _source(1024, "TCP stream, server to client, 1 KiB in a write"),
    _stream("stream-echo", "TCP stream, echoed", "tcp_echo", "echo-stream"),
    _stream("stream-pipe", "TCP stream, echoed by pipe", "tcp_pipe", "echo-stream"),
    Load(
        "pipe-50",
        "TCP ping-pong through pipe, 50 connections",
        "tcp_pipe",
        "pingpong",
        {"connections": 50, "size": 64},
    ),
    Load(
        "relay-50",
        "TCP relay to a backend, 50 connections",
        "tcp_relay",
        "pingpong",
        {"connections": 50, "size": 64},
        behind=True,
    ),
    _lines(1, "line protocol, 1 line a message"),
    _lines(8, "line protocol, 8 lines a message"),
    Load(
        "connect",
        "connect and close",
        "tcp_echo",
        "churn",
        {"connections": 16},
        unit="connections",
    ),
    _datagrams(1, 64),
    _datagrams(1, 1200),
    _datagrams(64, 64),
    _datagrams(64, 1200),
    Load(
        "udp-peers-64",
        "UDP ping-pong, 64 peers, 64 bytes",
        "udp_echo",
        "udp-pingpong",
        {"connections": 64, "window": 1, "size": 64},
        unit="datagrams",
    ),
    Load(
        "udp-in",
        "UDP receive only, 64 bytes",
        "udp_sink",
        "udp-in",
        {"window": 3, "size": 64},
        unit="datagrams",
    ),
    Load(
        "udp-out",
        "UDP send only, 64 bytes",
        "udp_source",
        "udp-out",
        {"window": 2, "size": 64},
        unit="datagrams",
    ),
    *(
        _cluster(kind, workers, how)
        for kind in ("connect", "tcp")
        for workers, how in ((1, "dealt"), (2, "dealt"), (2, "accept"), (2, "reuse"))
    ),
    Load(
        "memory",
        "memory of an idle connection",
        "tcp_echo",
        "idle",
        {"connections": 4000},
        unit="KiB",
    ),
)


def chosen(patterns: list[str]) -> list[Load]:
    """Find the loads that somebody asked for.

    patterns -- names, with ``*`` and ``?`` as in a shell; none at all means every load.

    Returns the loads in the order of the report.
    Raises ValueError for a pattern that fits no load.
    """
    for pattern in patterns:
        if not any(fnmatchcase(load.name, pattern) for load in LOADS):
            names = ", ".join(load.name for load in LOADS)
            raise ValueError(f"no load is named {pattern}; there are: {names}")
    if not patterns:
        return list(LOADS)
    return [load for load in LOADS if any(fnmatchcase(load.name, p) for p in patterns)]
