"""The figures of a service: counted once, exported as plain values, added up."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodenet.errors import systemError
from nodenet.services.counters import Counted, Counters, Figure, Tally, figures, summed, told

WHERE = "tcp 127.0.0.1:8124"


class Connection:
    """What knows its bytes."""

    bytesRead = 0
    bytesWritten = 0


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def tally(counters: Counters) -> Tally:
    return counters.tally(WHERE, Counted.CONNECTIONS)


def test_an_open_connection_is_asked_for_its_bytes(tally: Tally) -> None:
    connection = Connection()
    tally.opened(connection)
    assert (tally.export()["connectionsActive"], tally.export()["receivedBytes"]) == (1, 0)
    connection.bytesRead, connection.bytesWritten = 5, 7
    assert (tally.export()["receivedBytes"], tally.export()["sentBytes"]) == (5, 7)


def test_the_bytes_of_one_that_ended_stay(tally: Tally) -> None:
    connection = Connection()
    tally.opened(connection)
    connection.bytesRead = 5
    for _ in range(2):  # whoever says it twice changes nothing
        tally.closed(connection)
    connection.bytesRead = 100
    export = tally.export()
    assert (export["connectionsActive"], export["connectionsAccepted"]) == (0, 1)
    assert export["receivedBytes"] == 5


def test_errors_are_counted_by_code(tally: Tally) -> None:
    tally.failed(systemError(104, "read"))
    tally.failed("ECONNRESET")
    tally.failed(ZeroDivisionError())
    tally.failed(ValueError([]))
    tally.failed(ValueError([("SSL routines", "", "http request")]))  # as OpenSSL says it
    assert tally.export()["errors"] == {
        "ECONNRESET": 2,
        "ZeroDivisionError": 1,
        "ValueError": 1,
        "ERR_SSL_HTTP_REQUEST": 1,
    }


def test_what_somebody_else_counts_is_added(tally: Tally) -> None:
    theirs = 3
    end = tally.read("connectionsBlocked", lambda: theirs)
    tally.connectionsBlocked += 1
    assert tally.export()["connectionsBlocked"] == 4
    end()
    end()
    theirs = 100
    assert tally.export()["connectionsBlocked"] == 4


def test_a_listener_has_the_figures_of_what_it_lets_through(counters: Counters) -> None:
    stream = counters.tally("tcp", Counted.CONNECTIONS).export()
    datagrams = counters.tally("udp", Counted.DATAGRAMS)
    assert "connectionsActive" in stream
    assert "datagramsReceived" not in stream
    assert "connectionsActive" not in datagrams.export()
    assert "datagramsOverflowed" not in datagrams.export()  # the kernel was not asked
    datagrams.read("datagramsOverflowed", lambda: 0)
    assert datagrams.export()["datagramsOverflowed"] == 0
    both = counters.tally("relay", Counted.CONNECTIONS | Counted.DATAGRAMS).export()
    assert {"connectionsActive", "datagramsReceived"} <= set(both)


def test_the_same_name_is_the_same_listener(counters: Counters, tally: Tally) -> None:
    assert counters.tally(WHERE, Counted.CONNECTIONS) is tally


def test_the_time_it_has_been_running() -> None:
    times = iter([1000.0, 1012.5, 900.0])
    counters = Counters(lambda: next(times))
    assert counters.export() == {
        "startTimeSeconds": 1000.0,
        "uptimeSeconds": 12.5,
        "listeners": {},
    }
    assert counters.export()["uptimeSeconds"] == 0.0  # the clock was set back


def test_an_export_survives_json(counters: Counters, tally: Tally) -> None:
    tally.failed("EPIPE")
    export = counters.export()
    assert json.loads(json.dumps(export)) == export


def test_several_processes_together() -> None:
    first, second = Counters(lambda: 100.0), Counters(lambda: 200.0)
    for counters, count in ((first, 1), (second, 10)):
        counters.tally(WHERE, Counted.CONNECTIONS).connectionsAccepted += count
        counters.tally(WHERE, Counted.CONNECTIONS).failed("EPIPE")
    second.tally("udp", Counted.DATAGRAMS).datagramsSent += 5
    together = summed([first.export(), second.export()])
    assert together["startTimeSeconds"] == 100.0
    assert list(together["listeners"]) == [WHERE, "udp"]
    assert together["listeners"][WHERE]["connectionsAccepted"] == 11
    assert together["listeners"][WHERE]["errors"] == {"EPIPE": 2}
    assert together["listeners"]["udp"]["datagramsSent"] == 5


@given(some.lists(some.dictionaries(some.sampled_from("abc"), some.integers(0, 9)), min_size=1))
def test_a_sum_is_the_sum_of_each_figure(processes: list[dict[str, int]]) -> None:
    exports = []
    for counts in processes:
        counters = Counters(lambda: 0.0)
        for name, count in counts.items():
            counters.tally(name, Counted.DATAGRAMS).datagramsDropped += count
        exports.append(counters.export())
    together = {
        name: values["datagramsDropped"] for name, values in summed(exports)["listeners"].items()
    }
    expected: Counter[str] = Counter()
    for counts in processes:
        expected.update(counts)
    assert together == dict(expected)


def test_one_alone_is_its_own_sum(counters: Counters, tally: Tally) -> None:
    tally.failed("EPIPE")
    export = counters.export()
    assert summed([export]) == export


def test_the_line_for_the_log(tally: Tally) -> None:
    assert told(tally.export()).endswith(" errors=0")
    tally.receivedBytes += 5
    for code in ("EPIPE", "ECONNRESET", "EPIPE"):
        tally.failed(code)
    assert " receivedBytes=5 " in told(tally.export())
    assert told(tally.export()).endswith(" errors=3 (ECONNRESET 1, EPIPE 2)")


@pytest.mark.parametrize("figure", [*figures(Counters), *figures(Tally)], ids=lambda one: one.name)
def test_a_figure_is_declared_in_full(figure: Figure) -> None:
    suffix = "_total" if figure.kind == "counter" else ""
    assert re.fullmatch(rf"nodenet(_[a-z]+)+{suffix}", figure.metric)
    assert re.fullmatch(r"[A-Z].*\.", figure.doc)
