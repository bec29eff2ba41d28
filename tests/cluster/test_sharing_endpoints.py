"""Endpoints with factories of Twisted's in several workers: they share what the primary binds."""

from __future__ import annotations

import pytest
from cluster_oracle import Program, runProgram

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
