"""Programs of Twisted's own, on nodenet's endpoints."""

from __future__ import annotations

import signal
import urllib.request
from contextlib import closing
from pathlib import Path

from smoke.program import PATIENCE, twistd


def test_twisteds_web_server_changes_one_string(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("hello")
    where = "node:tcp:0:interface=127.0.0.1:maxConnections=500"
    program = twistd("-n", "--pidfile=", "web", "--listen", where, "--path", ".", cwd=tmp_path)
    with closing(program):
        port = program.says(r"Site starting on .*?(\d+)['\)]*$")[1]
        url = f"http://127.0.0.1:{port}/hello.txt"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            assert answer.read() == b"hello"
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript
