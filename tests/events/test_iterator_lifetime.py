"""When the listeners of `on` go."""

from __future__ import annotations

import gc
import weakref
from contextlib import aclosing
from typing import Any

import pytest

from nodenet.events import EventEmitter, on, once
from nodenet.loop import nextTick


async def test_a_loop_that_is_left_leaves_no_listener() -> None:
    e = EventEmitter()
    nextTick(e.emit, "x", 1)
    async for _ in on(e, "x", close=["end"]):
        break
    assert e.eventNames() == []


async def test_a_loop_that_fails_leaves_no_listener() -> None:
    e = EventEmitter()
    nextTick(e.emit, "x", 1)
    with pytest.raises(ZeroDivisionError):
        await failing_loop(e)
    gc.collect()  # the traceback held the loop
    assert e.eventNames() == []


async def failing_loop(e: EventEmitter) -> None:
    async for _ in on(e, "x"):
        raise ZeroDivisionError


async def test_an_iterator_that_nobody_has_leaves_no_listener() -> None:
    e = EventEmitter()
    on(e, "x")
    assert e.eventNames() == []


async def test_an_iterator_lives_while_somebody_waits_for_it() -> None:
    e = EventEmitter()
    deferred = on(e, "x").__anext__()
    gc.collect()
    e.emit("x", 1)
    assert await deferred == (1,)
    assert e.eventNames() == []


async def test_the_end_of_a_block_ends_it() -> None:
    e = EventEmitter()
    async with on(e, "x") as it:
        assert e.eventNames() == ["x", "error"]
    assert e.eventNames() == []
    async with aclosing(on(e, "y")) as it:
        assert e.eventNames() == ["y", "error"]
    assert e.eventNames() == []
    with pytest.raises(StopAsyncIteration):
        await anext(it)


async def test_an_emitter_is_not_kept_by_what_waited_for_it() -> None:
    e: Any = EventEmitter()
    deferred = once(e, "x")
    e.emit("x")
    await deferred
    weak = weakref.ref(e)
    del e
    gc.collect()
    assert weak() is None
