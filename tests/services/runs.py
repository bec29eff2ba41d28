"""Programs that a `RunService` runs in this process, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from nodenet import net
from nodenet.loop import openHandles, pollerOf
from nodenet.services import CannotStart, RunService
from nodenet.services._stats import State

HOST = "127.0.0.1"


def echo() -> net.Server:
    """A program."""
    return net.createServer(lambda client: client.pipe(client)).listen(0, HOST)


def port(service: RunService, index: int = 0) -> int:
    """The port on which a program listens."""
    return int(service.listening[index].rpartition(":")[2])


def figures(service: RunService) -> dict[str, Any]:
    """Those of the only listener."""
    values: dict[str, Any]
    (values,) = service.counters.export()["listeners"].values()
    return values


def state(service: RunService) -> State:
    """How it is, as ``/health`` says it."""
    return service._state


def started(program: Callable[..., object], *args: str, **keywords: Any) -> RunService:
    """A service that has started."""
    service = RunService(program, args, **keywords)
    service.startService()
    return service


async def turn() -> None:
    """Let what is due happen."""
    later: Deferred[None] = Deferred()
    pollerOf().callLater(0, later.callback, None, ref=False)
    await later


def refused(program: Callable[..., object], capfd: pytest.CaptureFixture[str]) -> str:
    """The line with which it refuses to start; nothing is open then."""
    before = openHandles()
    with pytest.raises(CannotStart) as found:
        started(program)
    assert openHandles() == before
    assert capfd.readouterr().err == f"nodenet: {found.value}\n"
    return str(found.value)
