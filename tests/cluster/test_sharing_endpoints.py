"""Endpoints with factories of Twisted's in several workers: they share what the primary binds."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from cluster_oracle import Program, runProgram
from cluster_plays import Plays
from cluster_program import say
from twisted.internet.protocol import Factory
from workers import Primary

from nodenet import cluster, loop
from nodenet.endpoints import TCPServerEndpoint

_WORKER = """
from nodenet.endpoints import parse
from twisted.internet.protocol import Factory, Protocol

class Greeter(Protocol):
    def connectionMade(self):
        self.transport.write(str(cluster.worker.id).encode())

class Greeters(Factory):
    protocol = Greeter
    noisy = False

    def startFactory(self):
        say("starts")

    def stopFactory(self):
        say("stops")

def listens(port):
    say("listens", port.getHost().port > 0, port.connected)
    cluster.worker.on("message", lambda *_: port.stopListening())
    ready()

def fails(failure):
    say(failure.value)
    ready()

parse("tcp:%s:interface=127.0.0.1").listen(Greeters()).addCallbacks(listens, fails)
"""


def run(primary: str, port: int = 0) -> list[str]:
    """What the primary has traced, but for who has listened."""
    program = Program(("", _WORKER % port), ("", primary), 2)
    return [line for line in runProgram(program) if "{" not in line]


@pytest.mark.parametrize("policy", ["rr", "none"])
def test_they_share_a_port(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODENET_CLUSTER_SCHED_POLICY", policy)
    trace = run("""
heard = await greetings(seen["port"], 8, None)
t("heard", sorted(set(heard)) if os.environ["NODENET_CLUSTER_SCHED_POLICY"] == "rr" else "some")
first, second = cluster.workers[1], cluster.workers[2]
stopped = once(first, "message")
first.send("stop")
await stopped
t("then", sorted(set(await greetings(seen["port"], 4, None))))
ended = once(second, "exit")
second.disconnect()
t("exit", *await ended)
""")
    assert trace[:4] == [
        "1 says 'starts'",
        "1 says 'listens' True True",
        "2 says 'starts'",
        "2 says 'listens' True True",
    ]
    assert trace[4] == ("heard ['1', '2']" if policy == "rr" else "heard 'some'")
    assert trace[5:] == ["1 says 'stops'", "then ['2']", "2 says 'stops'", "exit 0"]


class Telling(Factory):
    noisy = False

    def __init__(self, name: str) -> None:
        self.name = name

    def startFactory(self) -> None:
        say("starts", self.name)

    def stopFactory(self) -> None:
        say("stops", self.name)


async def three_ports() -> None:
    if cluster.isPrimary:
        cluster.fork()
        return
    ports: list[Any] = []
    for name in ("first", "second", "third"):
        factory: Any = Telling(name)
        ports.append(await TCPServerEndpoint(port=0, host="127.0.0.1").listen(factory))
    await ports[1].stopListening()
    loop.pollerOf().reactor.stop()


def test_the_end_of_the_reactor_stops_each_once(alone: Plays) -> None:
    assert sorted(alone.run(three_ports)) == [
        "P ended with 0",
        *(f"W1 starts '{name}'" for name in ("first", "second", "third")),
        *(f"W1 stops '{name}'" for name in ("first", "second", "third")),
    ]


@pytest.mark.parametrize("deals", [True, False])
async def test_nothing_is_left_of_a_port_that_was_closed(deals: bool) -> None:
    primary = Primary(deals)
    with primary.worker():
        factory: Any = Factory()
        factory.noisy = False
        port: Any = await TCPServerEndpoint(port=0, host="127.0.0.1").listen(factory)
    await port.stopListening()
    kept = weakref.ref(port), weakref.ref(factory)
    del port, factory
    gc.collect()
    assert [each() for each in kept] == [None, None]
    await primary.end()
