"""What tests of services in several processes need."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from smoke.program import PATIENCE, Program

Start = Callable[..., Program]

TCP: Final = "tcp:0:interface=127.0.0.1"
UDP: Final = "udp:0:interface=127.0.0.1"


def where(program: Program) -> tuple[str, int]:
    """Where it says next that it listens."""
    host, port = program.says(r"#info\] listening on (?:tcp|udp) (\S+):(\d+)").groups()
    return host, int(port)


def dial(place: tuple[str, int]) -> socket.socket:
    return socket.create_connection(place, PATIENCE)


def asked(place: tuple[str, int]) -> str:
    """What is said to a client there."""
    with dial(place) as client:
        return b"".join(iter(lambda: client.recv(100), b"")).decode()


def echoed(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return client.recv(len(data), socket.MSG_WAITALL)


def gone(pid: int, reaped: bool = True) -> bool:
    """Whether a process ends.

    Args:
        reaped: And is no zombie either. Those whose parent has died are left to the machine.
    """
    deadline = time.monotonic() + PATIENCE
    while state(pid) != "" and (reaped or state(pid) != "Z"):
        if time.monotonic() > deadline:
            return False
    return True


def state(pid: int) -> str:
    """What a process does, as the kernel abbreviates it; empty where there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return status.rpartition(")")[2].split()[0]


def workers(program: Program) -> list[int]:
    """The process ids of those that are its children."""
    pid = program.process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
