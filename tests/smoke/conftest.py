"""Services that are over with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smoke.program import Program, programs, twistd
from smoke.workers import Start

WHO = """
import os, sys, time
from nodenet import cluster, net

def main():
    def greet(client):
        print("somebody is here")
        client.on("error", lambda error: None).end(str(os.getpid()))
    return net.createServer(greet).listen(0, "127.0.0.1")

def fails():
    raise ZeroDivisionError("oops")

def crashes():
    def serve(client):
        os._exit(3)
    return net.createServer(serve).listen(0, "127.0.0.1")

def once_only():
    server = net.createServer(lambda client: client.end("bye"))
    server.on("connection", lambda client: server.close())
    return server.listen(0, "127.0.0.1")

def fragile():
    if os.path.exists("broken"):
        sys.exit("it is broken")
    return main()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts ``twistd -n nodenet`` with these arguments, beside who.py."""
    (tmp_path / "who.py").write_text(WHO)
    started = []

    def start(
        *arguments: str,
        prefix: tuple[str, ...] = ("-n",),
        words: tuple[str, ...] = ("nodenet",),
        **keywords: Any,
    ) -> Program:
        command = ["--pidfile=", *prefix, *words, *arguments]
        started.append(twistd(*command, cwd=tmp_path, **keywords))
        return started[-1]

    yield start
    for program in started:
        program.close()


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Start]:
    """Starts ``twistd -n nodenet echo`` with these arguments."""
    with programs(tmp_path) as start:
        yield lambda *arguments, prefix=("-n",): start(
            *prefix, "--pidfile=twistd.pid", "nodenet", "echo", *arguments
        )
