"""The order in which callbacks run: Node's."""

from __future__ import annotations

import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from nodenet.loop import Handle, nextTick, pollerOf, queueMicrotask
from nodenet.testing import Guard


class Reader(Handle):
    """Calls `act` with each thing it reads."""

    act: Callable[[bytes], object]

    def doRead(self) -> None:
        self.act(self._socket.recv(100))


def pair() -> tuple[Reader, socket.socket]:
    mine, other = socket.socketpair()
    reader = Reader(pollerOf(), mine)
    reader.startReading()
    return reader, other


@contextmanager
def two_hear(act: Callable[[bytes], object]) -> Iterator[None]:
    """Have two readers hear something in the same round."""
    pairs = [pair(), pair()]
    for reader, _ in pairs:
        reader.act = act
    for _, other in pairs:
        other.send(b"something")
    yield
    for reader, other in pairs:
        reader.closeDescriptor()
        other.close()


async def test_a_tick_runs_after_the_code_that_asked_for_it() -> None:
    seen: list[str] = []
    done: Deferred[None] = Deferred()
    nextTick(seen.append, "tick")
    nextTick(done.callback, None)
    seen.append("code")
    await done
    assert seen == ["code", "tick"]


async def test_ticks_of_ticks_run_before_microtasks_and_these_before_the_next_handler() -> None:
    seen: list[str] = []
    done: Deferred[None] = Deferred()

    def tick() -> None:
        seen.append("tick")
        nextTick(seen.append, "tick of a tick")

    def read(data: bytes) -> None:
        seen.append("read")
        queueMicrotask(seen.append, "microtask")
        nextTick(tick)
        if seen.count("read") == 2:
            pollerOf().atRoundEnd(done.callback, None)

    with two_hear(read):
        await done
    assert seen == ["read", "tick", "tick of a tick", "microtask"] * 2


async def test_what_waits_for_the_round_s_end_runs_after_all_its_handlers() -> None:
    seen: list[str] = []
    done: Deferred[None] = Deferred()

    def read(data: bytes) -> None:
        seen.append("read")
        pollerOf().atRoundEnd(seen.append, "closed")
        nextTick(seen.append, "tick")
        if seen.count("read") == 2:
            pollerOf().atRoundEnd(done.callback, None)

    with two_hear(read):
        await done
    assert seen == ["read", "tick", "read", "tick", "closed", "closed"]


async def test_a_tick_that_raises_is_logged_and_the_others_run(guard: Guard) -> None:
    seen: list[str] = []
    done: Deferred[None] = Deferred()

    def fail() -> None:
        raise RuntimeError("in a tick")

    nextTick(fail)
    nextTick(seen.append, "after")
    nextTick(done.callback, None)
    await done
    assert seen == ["after"]
    assert [failure.getErrorMessage() for failure in guard.flushLoggedErrors(RuntimeError)] == [
        "in a tick"
    ]


async def test_a_handler_that_raises_is_logged_and_its_descriptor_stays(guard: Guard) -> None:
    reader, other = pair()
    done: Deferred[None] = Deferred()

    def read(data: bytes) -> None:
        if data == b"bad":
            other.send(b"good")
            raise RuntimeError("in a handler")
        done.callback(None)

    reader.act = read
    other.send(b"bad")
    await done
    reader.closeDescriptor()
    other.close()
    assert len(guard.flushLoggedErrors(RuntimeError)) == 1


async def test_a_call_from_another_thread_is_warned_of_and_handed_over() -> None:
    ran_in: list[int] = []
    done: Deferred[None] = Deferred()
    poller = pollerOf()
    await deferLater(reactor, 0, lambda: None)

    def tick() -> None:
        ran_in.append(threading.get_ident())
        done.callback(None)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread = threading.Thread(target=poller.nextTick, args=(tick,))
        thread.start()
        thread.join()
    await done
    assert ran_in == [threading.get_ident()]
    assert ["use reactor.callFromThread" in str(warning.message) for warning in caught] == [True]
