"""Adding listeners with decorators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nodenet.events import EventEmitter


@pytest.fixture
def emitter() -> EventEmitter:
    return EventEmitter()


Decorator = Callable[[Callable[[int], None]], Callable[[int], None]]


def decoratorOf(emitter: EventEmitter, method: str, name: str) -> Decorator:
    decorator: Decorator = getattr(emitter, method)(name)
    return decorator


@pytest.mark.parametrize(
    "method", ["on", "addListener", "once", "prependListener", "prependOnceListener"]
)
def test_every_way_to_add_a_listener_decorates(emitter: EventEmitter, method: str) -> None:
    calls = []

    @decoratorOf(emitter, method, "x")
    def listener(value: int) -> None:
        calls.append(value)

    assert emitter.listeners("x") == [listener]
    emitter.emit("x", 1)
    emitter.emit("x", 2)
    assert calls == ([1] if "nce" in method else [1, 2])
    listener(3)
    assert calls[-1] == 3


def test_prepending_decorators_put_it_first(emitter: EventEmitter) -> None:
    calls: list[str] = []
    emitter.on("x", lambda: calls.append("last"))
    emitter.prependListener("x")(lambda: calls.append("second"))
    emitter.prependOnceListener("x")(lambda: calls.append("first"))
    emitter.emit("x")
    assert calls == ["first", "second", "last"]


def test_what_is_decorated_can_be_removed(emitter: EventEmitter) -> None:
    @emitter.once("x")
    def listener() -> None:
        raise AssertionError("it was removed")

    emitter.off("x", listener)
    assert not emitter.emit("x")


def test_methods_are_found_again(emitter: EventEmitter) -> None:
    class Chat:
        def __init__(self) -> None:
            self.heard: list[str] = []

        def hear(self, text: str) -> None:
            self.heard.append(text)

    chat, other = Chat(), Chat()
    emitter.on("x", chat.hear).once("x", chat.hear).on("x", other.hear)
    assert emitter.listenerCount("x", chat.hear) == 2
    emitter.off("x", chat.hear).off("x", chat.hear)
    emitter.emit("x", "text")
    assert (chat.heard, other.heard) == ([], ["text"])


def test_an_overridden_on_is_used_by_once_and_by_decorators() -> None:
    class Counting(EventEmitter):
        added = 0

        def on(self, name: Any, *listener: Any) -> Any:
            self.added += len(listener)
            return super().on(name, *listener)

    counting = Counting()
    counting.once("x", print)
    counting.on("x")(print)
    counting.addListener("x", print)
    counting.once("x")(print)
    assert counting.added == counting.listenerCount("x") == 4
