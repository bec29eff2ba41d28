"""A program under test: its output line by line, its end, never left running."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import termios
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import nodenet

ROOT: Final = Path(nodenet.__file__).parents[1]  # where this process has nodenet from
PATIENCE: Final = 60.0  # seconds until a program that says nothing is given up


# What systemd does: the sockets are descriptors from 3 on, and the process id is the program's.
_ACTIVATE: Final = """
import fcntl, os, sys
names, *descriptors = sys.argv[1].split(",")
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in descriptors]
for number, fd in enumerate(high, 3):
    os.dup2(fd, number)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=names)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def twistd(
    *arguments: str, cwd: Path, sockets: Sequence[tuple[str, socket.socket]] = ()
) -> Program:
    """``twistd`` of this Python's environment, with nodenet's plugins in sight.

    Args:
        arguments: Its arguments.
        cwd: Where it runs.
        sockets: Names and sockets that are handed over as systemd does.
    """
    command = [str(Path(sysconfig.get_path("scripts")) / "twistd"), *arguments]
    descriptors = [skt.fileno() for _, skt in sockets]
    if sockets:
        given = [":".join(name for name, _ in sockets), *map(str, descriptors)]
        command[:0] = ["-c", _ACTIVATE, ",".join(given)]
    return Program([sys.executable, *command], cwd=cwd, descriptors=descriptors)


@contextmanager
def programs(cwd: Path) -> Iterator[Callable[..., Program]]:
    """`twistd`, for programs that run in `cwd` and are over behind the block."""
    with ExitStack() as stack:

        def start(*arguments: str, **keywords: Any) -> Program:
            return stack.enter_context(closing(twistd(*arguments, cwd=cwd, **keywords)))

        yield start


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Program:
    """A subprocess whose output is read as it comes."""

    def __init__(self, command: list[str], cwd: Path, descriptors: Sequence[int] = ()) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that run in the background have SIGINT ignored, and children inherit that.
            preexec_fn=_heed_interrupts,  # noqa: PLW1509 - it takes no lock
        )
        self.lines: list[str] = []
        self.errors = ""
        self._unseen: deque[str] = deque()
        self._news = threading.Condition()
        self._ended = False
        self._readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line, after those asked for before, in which `pattern` is found."""
        with self._news:
            while True:
                while self._unseen:
                    found = re.search(pattern, self._unseen.popleft())
                    if found:
                        return found
                waited = not self._ended and self._news.wait(PATIENCE)
                if not waited and not self._unseen:
                    raise AssertionError(f"never said {pattern!r}:\n{self.transcript}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def status(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        status = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return status

    @property
    def transcript(self) -> str:
        """All that it has said."""
        return "".join(self.lines) + self.errors

    def close(self) -> None:
        """End it, however it is."""
        if self.process.poll() is None:
            self.process.kill()
        self.status()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line)
                self._unseen.append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()


def refused(program: Program) -> str:
    """The one line with which a program refuses to run."""
    assert program.status() == 1
    assert "Traceback" not in program.transcript
    assert program.errors.count("\n") == 1
    return program.errors.rstrip("\n")


def dial(program: Program) -> socket.socket:
    """Connect to where `program` says next that it listens."""
    found = program.says(r"listening on (?:tcp (\S+):(\d+)|unix (\S+))")
    if found[3]:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(found[3])
        return client
    return socket.create_connection((found[1], int(found[2])), PATIENCE)


def everything(client: socket.socket) -> bytes:
    """All that comes until the end."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def stuck(client: socket.socket) -> bytes:
    """Send to an echo and read nothing, until every buffer on the way there and back is full.

    Returns:
        What was sent.
    """
    data, sent, unread = os.urandom(1 << 20) * 64, 0, 0
    client.setblocking(False)
    while True:
        if select.select([], [client], [], 0.5)[1]:
            assert sent < len(data)
            sent += client.send(data[sent : sent + (1 << 16)])
            continue
        # It may be that the echo only had no turn: then more comes back in the meantime.
        before, unread = unread, waiting(client)
        if 0 < before == unread:
            return data[:sent]


def waiting(client: socket.socket) -> int:
    """How many bytes there are to read."""
    count: int = struct.unpack("i", fcntl.ioctl(client, termios.FIONREAD, bytes(4)))[0]
    return count
