"""What an aborted operation fails with, and why."""

from __future__ import annotations

import copy
import pickle

import pytest
from oracle import Oracle, Tracer

from nodenet.errors import AbortError, DOMException


def test_an_exception_that_is_the_cause_is_pythons_cause_too() -> None:
    cause = ValueError("why")
    error = AbortError("no more", cause)
    assert error.cause is cause
    assert error.__cause__ is cause


@pytest.mark.parametrize("cause", [None, "because", 5])
def test_any_value_can_be_the_cause(cause: object) -> None:
    error = AbortError(cause=cause)
    assert error.cause == cause
    assert error.__cause__ is None


def test_copies_keep_the_cause() -> None:
    error = AbortError(cause=ValueError("why"))
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (other.message, other.code, other.name) == (error.message, "ABORT_ERR", "AbortError")
        assert isinstance(other.cause, ValueError)
        assert other.__cause__ is other.cause


def test_a_signals_reason_can_be_copied() -> None:
    reason = DOMException("late", "TimeoutError")
    for other in (copy.copy(reason), pickle.loads(pickle.dumps(reason))):
        assert (str(other), other.name, other.code) == ("late", "TimeoutError", 23)


def test_reasons_have_the_codes_of_the_standard(oracle: Oracle) -> None:
    names = ["AbortError", "TimeoutError", "InvalidStateError", "NotSupportedError", "Nope"]

    def scenario(t: Tracer) -> None:
        for name in names:
            reason = DOMException("m", name)
            t(name, reason.code, reason.message)
        t("default", DOMException().name, DOMException().message)

    oracle.compareSync(
        f"""
        for (const name of {names}) {{
          const reason = new DOMException('m', name)
          t(name, reason.code, reason.message)
        }}
        t('default', new DOMException().name, new DOMException().message)
        """,
        scenario,
    )


def test_an_aborted_wait_fails_as_nodes_does(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        t(
            "without reason",
            AbortError(cause=DOMException("This operation was aborted", "AbortError")),
        )
        t("with reason", AbortError(cause="enough"))

    oracle.compareSync(
        """
        const wait = (signal) => events.once(new events(), 'x', { signal })
        await wait(AbortSignal.abort()).catch((e) => t('without reason', e))
        await wait(AbortSignal.abort('enough')).catch((e) => t('with reason', e))
        """,
        scenario,
    )
