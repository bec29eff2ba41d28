"""Listeners that return Deferreds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from nodenet.events import EventEmitter, once


async def test_a_failing_deferred_is_an_error_of_the_emitter() -> None:
    e, d = EventEmitter(), Deferred[None]()
    e.on("x", lambda: d)
    e.emit("x")
    failed = once(e, "error")
    given = ValueError("later")
    d.errback(given)
    assert await failed == (given,)


async def test_inlineCallbacks_are_listeners_as_well() -> None:
    e, d = EventEmitter(), Deferred[int]()
    seen = []

    @e.on("x")
    @inlineCallbacks
    def listener(argument: str) -> Any:
        seen.append((argument, (yield d)))
        raise ValueError("done")

    e.emit("x", "argument")
    failed = once(e, "error")
    d.callback(5)
    (error,) = await failed
    assert str(error) == "done"
    assert seen == [("argument", 5)]


async def test_what_a_deferred_fires_with_stays_its_own() -> None:
    e, d = EventEmitter(), Deferred[int]()
    e.on("x", lambda: d)
    e.emit("x")
    d.callback(7)
    assert await d == 7


def test_other_results_are_ignored() -> None:
    e = EventEmitter()
    for result in (True, False, 0, "text", [1], object()):
        e.on("x", lambda result=result: result)
    assert e.emit("x")


async def test_subclasses_may_take_failures_and_pass_some_on() -> None:
    class Server(EventEmitter):
        def captureRejection(self, error: BaseException, name: Any, /, *args: Any) -> None:
            if name == "connection":
                args[0].append(error)
            else:
                super().captureRejection(error, name, *args)

    async def fail(*args: Any) -> None:
        raise ValueError(len(args))

    server = Server()
    socket: list[BaseException] = []
    server.on("connection", fail).on("other", fail)
    server.emit("connection", socket, 2, 3)
    server.emit("other")
    (error,) = await once(server, "error")
    assert error.args == (0,)
    assert [failure.args for failure in socket] == [(3,)]
