"""Programs of several processes, on real Node and on nodenet."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from oracle import Trace, _by_party, _directory, _same, _trace

HERE = Path(__file__).parent
PRELUDE = HERE / "oracle_prelude.js"
DEADLINE = 60.0
"""Seconds that a program may take, on a machine with much else to do."""

Program = Callable[[], object]


class Plays:
    """Runs programs; what all their processes say is one trace, in the order of each."""

    def __init__(self, node: Path | None) -> None:
        self._node = node

    def compare(
        self, js: str, program: Program, *parties: str, descriptors: int | None = None
    ) -> Trace:
        """Run a program on Node and on nodenet; fail where the traces of a process differ.

        Args:
            js: The program in JavaScript, which finds what is in `cluster_prelude.js`.
            program: The same in Python, a function of a test module without arguments.
            parties: Compare these alone: ``P`` is the primary, ``W1`` the first worker.
            descriptors: How many each process may have open; None: as many as this one.

        Returns:
            The trace, sorted by process.
        """
        assert self._node is not None
        prelude = (HERE / "cluster_prelude.js").read_text()
        expected = _run([str(self._node), str(PRELUDE), f"{prelude}\n{js}"], descriptors)
        actual = self.run(program, descriptors=descriptors)
        chosen = [
            [line for line in trace if not parties or line.partition(" ")[0] in parties]
            for trace in (expected, actual)
        ]
        return _same(*map(_by_party, chosen))

    def run(self, program: Program, *options: str, descriptors: int | None = None) -> Trace:
        """The trace of a program in Python, as it came; `options` are Python's own."""
        file = program.__code__.co_filename
        play = HERE / "cluster_program.py"
        return _run([sys.executable, *options, str(play), file, program.__name__], descriptors)


def _run(command: list[str], descriptors: int | None) -> Trace:
    with _directory() as directory, tempfile.TemporaryFile() as errors:
        env = {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
        env |= {"NODENET_TRACE_FD": "1", "NODENET_TRACE_DIR": directory}
        limit = None if descriptors is None else partial(_limit, descriptors)
        process = subprocess.Popen(
            command,
            env=env,
            stdout=subprocess.PIPE,
            stderr=errors,
            preexec_fn=limit,  # noqa: PLW1509 - a system call, no lock
        )
        try:
            # To the end of its output, which the workers have as well.
            written, _ = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            written, _ = process.communicate()
            written += b'{"label": "P took too long", "values": []}\n'
        errors.seek(0)
        complaints = errors.read().decode()
        lines = [json.loads(line) for line in written.splitlines()]
        lines.append({"label": "P ended with", "values": [process.returncode]})
        trace = _trace(lines, directory)
    if complaints:
        print(complaints, file=sys.stderr)
    return trace


def _limit(descriptors: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
