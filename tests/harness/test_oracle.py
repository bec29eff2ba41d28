"""The oracle itself: what it hears on both sides, and what it says when they differ."""

from __future__ import annotations

import warnings

import pytest
from oracle import Oracle, Tracer

from nodenet import loop


def test_both_sides_write_a_value_alike(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        t("nothing", None, None)
        t("numbers", 1, 2.0, 2.5, -1, True, 1e21, float("nan"))
        t("text", "a'b\n", "ü😀", b"\x00\xff", bytearray(b"x"))
        t("inside", {"b": [1, None], "a": None, "c": {"d": b"e"}})
        t("others", lambda: None, oracle)
        t("error", TypeError("no"), ValueError("range"))

    trace = oracle.compareSync(
        """
        class Oracle {}
        t('nothing', undefined, null)
        t('numbers', 1, 2.0, 2.5, -1, true, 1e21, NaN)
        t('text', "a'b\\n", 'ü😀', Buffer.from([0, 255]), new Uint8Array([120]))
        t('inside', { a: undefined, b: [1, null], c: { d: Buffer.from('e') } })
        t('others', () => {}, new Oracle())
        t('error', new TypeError('no'), new RangeError('range'))
        """,
        scenario,
    )
    assert trace[:2] == ["nothing", "numbers 1 2 2.5 -1 True 1000000000000000000000 NaN"]


async def test_a_scenario_runs_until_it_is_quiet(oracle: Oracle) -> None:
    async def scenario(t: Tracer) -> None:
        loop.queueMicrotask(t, "microtask")
        loop.nextTick(t, "tick")
        loop.pollerOf().callLater(0.01, t, "timer")
        t("main")

    await oracle.compare(
        """
        queueMicrotask(() => t('microtask'))
        process.nextTick(t, 'tick')
        setTimeout(t, 10, 'timer')
        t('main')
        """,
        scenario,
    )


async def test_what_nobody_catches_is_a_line(oracle: Oracle) -> None:
    def boom(message: str) -> None:
        raise TypeError(message)

    async def scenario(t: Tracer) -> None:
        loop.nextTick(boom, "tick")
        loop.pollerOf().callLater(0.01, boom, "timer")
        boom("main")

    trace = await oracle.compare(
        """
        const boom = (message) => { throw new TypeError(message) }
        process.nextTick(boom, 'tick')
        setTimeout(boom, 10, 'timer')
        boom('main')
        """,
        scenario,
    )
    assert trace[1] == "uncaughtException Error(name='TypeError', message='main')"


def test_ports_and_paths_are_shown_alike(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        t("port", t.port(40001), "at 127.0.0.1:40001", 1.40001)
        t("path", t.path("a.sock"))

    trace = oracle.compareSync(
        """
        t('port', t.port(50002), 'at 127.0.0.1:50002', 1.40001)
        t('path', t.path('a.sock'))
        """,
        scenario,
    )
    assert trace == ["port <port 1> 'at 127.0.0.1:<port 1>' 1.40001", "path '<tmp>/a.sock'"]


def test_warnings_end_the_trace(oracle: Oracle) -> None:
    class ExampleWarning(Warning):
        name = "ExampleWarning"
        code = "NN1"

    def scenario(t: Tracer) -> None:
        warnings.warn(ExampleWarning("careful"), stacklevel=1)
        t("main")

    oracle.compareSync(
        """
        process.emitWarning('careful', 'ExampleWarning', 'NN1')
        t('main')
        """,
        scenario,
    )


def test_a_difference_is_shown_line_by_line(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        t("same")
        t("a", True)

    with pytest.raises(pytest.fail.Exception, match=r"(?s)differ:\n  same\n- a 1\n.*\+ a True"):
        oracle.compareSync("t('same'); t('a', 1)", scenario)


async def test_a_difference_that_is_there_once_is_the_machine_s(oracle: Oracle) -> None:
    said = iter([2, 1])
    with pytest.warns(UserWarning, match=r"(?s)taken again:.*- a 1\n\+ a 2"):
        assert await oracle.compare("t('a', 1)", lambda t: t("a", next(said))) == ["a 1"]


async def test_one_that_stays_is_shown_as_it_was_first(oracle: Oracle) -> None:
    said = iter([2, 3, 4, 1])
    with (
        pytest.warns(UserWarning, match="taken again"),
        pytest.raises(pytest.fail.Exception, match=r"(?s)differ:\n- a 1\n\+ a 2"),
    ):
        await oracle.compare("t('a', 1)", lambda t: t("a", next(said)))
    assert next(said) == 1


def test_a_scenario_that_node_cannot_read_is_an_error(oracle: Oracle) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"(?s)Node ended with status.*SyntaxError"):
        oracle.node("t('open'")


def test_a_scenario_that_never_ends_is_ended(
    oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.BOUND", 5)
    with pytest.raises(pytest.fail.Exception, match=r"(?s)did not end.*so far:\nalive"):
        oracle.node("t('alive'); setInterval(() => {}, 1000)")


async def test_nodenet_that_is_never_quiet_is_ended(
    oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.BOUND", 5)
    settle = loop.pollerOf().pending("for ever")

    with pytest.raises(pytest.fail.Exception, match=r"(?s)not quiet.*so far:\nalive"):
        await oracle.compare("t('alive')", lambda t: t("alive"))
    settle()
