"""Several errors as one: how a program takes them."""

from __future__ import annotations

import copy
import errno
import pickle

import pytest
from oracle import Oracle, Tracer
from twisted.internet.error import ConnectError

from nodenet.errors import AggregateError, systemError


def refused(port: int = 9) -> OSError:
    return systemError(errno.ECONNREFUSED, "connect", "127.0.0.1", port)


def test_it_has_the_errors_in_order_and_the_code_of_the_first() -> None:
    first, second = refused(), ValueError("x")
    error = AggregateError([first, second])
    assert error.errors == [first, second]
    assert error.code == "ECONNREFUSED"
    assert error.message == ""
    assert error.name == "AggregateError"


def test_its_text_says_what_happened() -> None:
    assert str(AggregateError([refused(8), refused(9)])) == (
        "connect ECONNREFUSED 127.0.0.1:8; connect ECONNREFUSED 127.0.0.1:9"
    )
    assert str(AggregateError([refused()], "all failed")) == "all failed"


def test_twisted_programs_catch_it_whole() -> None:
    with pytest.raises(ConnectError):
        raise AggregateError([refused()])


def test_except_star_takes_it_apart() -> None:
    parts: list[object] = []
    try:
        raise AggregateError([refused(), ValueError("x")], "both")
    except* ConnectionRefusedError as group:
        parts.append(group)
    except* ValueError as group:
        parts.append(group)
    assert [type(part) for part in parts] == [AggregateError, AggregateError]
    assert [str(part) for part in parts] == ["both", "both"]


def test_a_copy_has_everything() -> None:
    error = AggregateError([refused()], "m")
    error.add_note("seen")
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is AggregateError
        assert (other.message, other.code) == ("m", "ECONNREFUSED")
        assert [str(inner) for inner in other.errors] == [str(refused())]
        assert other.__notes__ == ["seen"]


def test_it_is_nodes(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        errors = [systemError(111, "connect", address, 9) for address in ("127.0.0.1", "127.0.0.2")]
        error = AggregateError(errors)
        t("error", error, error.name, len(error.errors))

    oracle.compareSync(
        """
        net.connect({
          port: 9, host: 'h', autoSelectFamily: true,
          lookup: (host, options, callback) => callback(null, [
            { address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 },
          ]),
        }).on('error', (e) => t('error', e, e.name, e.errors.length))
        """,
        scenario,
    )
