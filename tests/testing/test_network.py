"""A UDP network in memory: what it does to datagrams, and that chance repeats itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from testing.talk import B6, A, B, C, talk
from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater

from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
from nodenet.loop import openHandles
from nodenet.testing import Network

# -- chance -----------------------------------------------------------------------------------


def test_what_is_sent_arrives_in_order() -> None:
    talking = talk()
    assert talking.say(200) == talking.heard
    talking.close()


def outcome(seed: int) -> tuple[list[str], list[bytes]]:
    conditions = {"loss": 0.2, "duplication": 0.2, "reordering": 0.2, "jitter": 0.1}
    talking = talk(seed=seed, **conditions)
    talking.say(100)
    talking.close()
    return list(talking.network.trace), talking.heard


def test_the_same_seed_makes_the_same_trace() -> None:
    assert outcome(7) == outcome(7)
    assert outcome(7) != outcome(8)


def test_a_condition_does_not_change_what_another_one_does() -> None:
    def lost(**conditions: Any) -> list[bool]:
        talking = talk(seed=3, loss=0.3, **conditions)
        talking.say(100)
        talking.close()
        return ["lost" in line for line in talking.network.trace]

    assert lost() == lost(duplication=0.5, reordering=0.5, jitter=1)


def test_a_share_is_lost() -> None:
    talking = talk(loss=0.3)
    said = talking.say(1000)
    assert 600 < len(talking.heard) < 800
    assert set(talking.heard) <= set(said)
    talking.close()


def test_a_share_arrives_twice() -> None:
    talking = talk(duplication=1)
    said = talking.say(20)
    assert talking.heard == [msg for msg in said for _ in range(2)]
    talking.close()


def test_a_share_is_overtaken_and_none_is_lost() -> None:
    talking = talk(reordering=0.3)
    said = talking.say(500)
    assert sorted(talking.heard) == sorted(said)
    displaced = sum(one != other for one, other in zip(said, talking.heard, strict=True))
    assert 100 < displaced < 400
    talking.close()


def test_what_nothing_overtakes_comes_late() -> None:
    talking = talk(reordering=1)
    talking.sender.send("x", 53, A)
    talking.network.clock.advance(0.1)
    assert talking.heard == []
    talking.network.clock.advance(0.02)
    assert talking.heard == [b"x"]
    talking.close()


def test_conditions_can_change() -> None:
    talking = talk()
    talking.network.change(loss=1)
    talking.say(5)
    assert talking.heard == []
    talking.network.change(loss=0)
    assert talking.say(5) == talking.heard
    talking.close()


@pytest.mark.parametrize(
    ("conditions", "error"),
    [
        ({"loss": 1.5}, ERR_OUT_OF_RANGE),
        ({"duplication": "often"}, ERR_INVALID_ARG_TYPE),
        ({"delay": -1}, ERR_OUT_OF_RANGE),
        ({"bandwidth": 0}, ERR_OUT_OF_RANGE),
        ({"mtu": 10}, ERR_OUT_OF_RANGE),
        ({"seed": "x"}, ERR_INVALID_ARG_TYPE),
        ({"losses": 1}, TypeError),
    ],
)
def test_a_wrong_condition_is_refused(conditions: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Network(**conditions)


def test_the_report_has_all_that_is_needed_to_repeat_it() -> None:
    talking = talk(seed=5, loss=0.5)
    talking.say(3)
    first, *lines = talking.network.report().splitlines()
    assert first == "<Network seed=5 loss=0.5 delay=0.01>"
    assert len(lines) == 3
    assert lines[0].startswith(f"0.000 {B}:50001 > {A}:53 1 bytes: ")
    talking.close()


# -- limits -----------------------------------------------------------------------------------


def test_a_full_line_makes_datagrams_wait_in_order_and_loses_none() -> None:
    talking = talk(bandwidth=10_000)
    talking.sender.setSendBufferSize(2_000)
    for index in range(50):
        talking.sender.send(f"{index}".ljust(1000), 53, A)
    talking.network.clock.advance(0.05)
    assert talking.heard == []
    assert talking.sender.getSendQueueCount() == 46
    talking.network.clock.advance(1)
    assert 9 <= len(talking.heard) <= 11
    # What waits is tried again by timers of the reactor; here it is the line that says when.
    talking.network.clock.advance(60)
    assert [int(msg) for msg in talking.heard] == list(range(50))
    assert talking.errors == []
    talking.close()


def test_what_is_too_long_is_refused() -> None:
    talking = talk(mtu=1500)
    talking.sender.send(bytes(1472), 53, A)
    talking.sender.send(bytes(1473), 53, A)
    talking.network.clock.advance(1)
    assert talking.errors == [f"send EMSGSIZE {A}:53"]
    assert [len(msg) for msg in talking.heard] == [1472]
    talking.close()


def test_a_full_receive_buffer_drops_and_counts() -> None:
    talking = talk()
    talking.receiver.setRecvBufferSize(5_000)
    talking.say(30, size=1000)
    assert 5 <= len(talking.heard) < 30
    assert talking.receiver.getDroppedCount() == 30 - len(talking.heard)
    assert talking.network.trace[-1].endswith("dropped: receive buffer full")
    talking.close()


def test_only_a_connected_socket_hears_that_nobody_listens() -> None:
    talking = talk()
    talking.sender.send("x", 54, A)
    talking.network.clock.advance(1)
    assert talking.errors == []
    talking.sender.connect(54, A)
    talking.network.clock.advance(0)
    talking.sender.send("y")
    talking.network.clock.advance(1)
    assert talking.errors == ["recvmsg ECONNREFUSED"]
    talking.sender.disconnect()
    assert talking.say(1) == talking.heard
    talking.close()


def test_what_goes_to_no_host_is_nowhere() -> None:
    talking = talk()
    talking.sender.send("x", 53, C)
    talking.network.clock.advance(1)
    assert talking.network.trace[-1].endswith("nobody there")
    talking.close()


def test_a_host_without_ipv6_reaches_none() -> None:
    network = Network()
    errors: list[str] = []
    socket = network.host(A).createSocket("udp6")
    socket.send("x", 53, B6, lambda error, _: errors.append(str(error)))
    network.clock.advance(0)
    assert errors == [f"send ENETUNREACH {B6}:53"]
    network.close()
    network.clock.advance(0)


# -- the whole network -----------------------------------------------------------------------


async def test_closing_the_network_closes_all_and_forgets_the_rest() -> None:
    talking = talk(delay=5)
    stopped: list[str] = []

    class Stopped(DatagramProtocol):
        def stopProtocol(self) -> None:
            stopped.append("stopped")

    talking.host.listenUDP(54, Stopped())
    talking.sender.send("x", 53, A)
    for _ in range(3):
        await deferLater(reactor, 0)  # type: ignore[arg-type]  # it is one
    talking.network.close()
    for _ in range(3):
        await deferLater(reactor, 0)  # type: ignore[arg-type]  # it is one
    assert openHandles() == []
    assert stopped == ["stopped"]
    assert talking.network.clock.getDelayedCalls() == []
    talking.network.clock.advance(10)
    assert talking.heard == []


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(0, 3000), max_size=40),
    bandwidth=st.one_of(st.none(), st.integers(2_000, 10**6)),
    type=st.sampled_from(["udp4", "udp6"]),
)
def test_a_network_without_faults_delivers_everything_once(
    seed: int, sizes: list[int], bandwidth: int | None, type: str
) -> None:
    talking = talk(seed=seed, bandwidth=bandwidth, type=type)
    said = [bytes([size & 255]) * size for size in sizes]
    for msg in said:
        talking.sender.send(msg, 53, talking.to)
    talking.network.clock.advance(120)
    assert talking.heard == said
    talking.close()
