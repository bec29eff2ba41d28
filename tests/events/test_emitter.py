"""What has no counterpart in Node: Python's names, values and texts."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import pytest

from nodenet.events import EventEmitter, Symbol, errorMonitor


class Slotted:
    __slots__ = ("own",)


def test_a_repr_shows_who_listens() -> None:
    class Chat(EventEmitter):
        pass

    chat = Chat()
    assert repr(chat) == "<Chat>"
    chat.on("message", print).on("message", print).once("close", print)
    assert repr(chat) == "<Chat message=2 close=1>"
    assert repr(chat.rawListeners("close")[0]) == "<once <built-in function print>>"


def test_any_hashable_value_names_an_event() -> None:
    own = Symbol("own")
    e = EventEmitter()
    e.on(own, print).on(1, print).on("1", print).on(None, print)
    assert e.eventNames() == ["1", own, 1, None]
    assert not e.emit(Symbol("own"))
    assert e.listenerCount(1) == 1
    e.removeAllListeners(None)
    assert e.eventNames() == ["1", own, 1]
    with pytest.raises(TypeError):
        e.on([], print)  # type: ignore[call-overload]


def test_symbols_show_their_description() -> None:
    assert str(errorMonitor) == repr(errorMonitor) == "Symbol(events.errorMonitor)"


def test_listeners_are_held_as_added() -> None:
    e = EventEmitter()
    e.on("x", print)
    e.listeners("x").clear()
    e.rawListeners("x").clear()
    assert e.listeners("x") == e.rawListeners("x") == [print]


@pytest.mark.parametrize("base", [dict, Exception, Slotted], ids=lambda base: base.__name__)
def test_any_class_may_be_an_emitter_too(base: type) -> None:
    both: Any = type("Both", (EventEmitter, base), {})()
    seen: list[int] = []
    both.on("x", seen.append).emit("x", 1)
    both.mine = 2
    assert (seen, both.mine) == ([1], 2)


def test_an_emitter_without_listeners_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(EventEmitter())).eventNames() == []


def test_importing_and_emitting_need_no_reactor() -> None:
    program = (
        "import sys, nodenet.events, nodenet.abort\n"
        "e = nodenet.events.EventEmitter(); e.on('x', print); e.emit('x', 'emitted')\n"
        "nodenet.abort.AbortController().abort()\n"
        "print('twisted.internet.reactor' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["emitted", "False"]
