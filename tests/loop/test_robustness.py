"""Nothing that a callback does harms the loop, or anybody else's descriptors."""

from __future__ import annotations

import resource
import socket
import threading
import warnings
from collections.abc import Callable

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock

from nodenet.loop import Handle, Poller, activeHandles, openHandles, pollerOf, whenIdle
from nodenet.loop.direct import DirectPoller
from nodenet.testing import Guard

ENDS = [SystemExit, KeyboardInterrupt, GeneratorExit]


class Watched(Handle):
    """Calls `act` with each thing it reads, and counts when it may write."""

    act: Callable[[bytes], object]
    writes = 0

    def doRead(self) -> None:
        self.act(self._socket.recv(100))

    def doWrite(self) -> None:
        self.writes += 1


def pair(poller: Poller | None = None) -> tuple[Watched, socket.socket]:
    mine, other = socket.socketpair()
    return Watched(poller or pollerOf(), mine), other


def close(*pairs: tuple[Watched, socket.socket]) -> None:
    for handle, other in pairs:
        handle.closeDescriptor()
        other.close()


def turn() -> Deferred[None]:
    return deferLater(reactor, 0, lambda: None)


@pytest.mark.parametrize("kind", ENDS)
async def test_no_exception_of_a_handler_reaches_the_reactor(
    kind: type[BaseException], guard: Guard
) -> None:
    """The reactor would drop the Poller, and with it every connection."""
    bad, good = pair(), pair()
    done: Deferred[bytes] = Deferred()

    def read(data: bytes) -> None:
        good[1].send(b"still there")
        raise kind

    bad[0].act = read
    good[0].act = done.callback
    for handle, _ in (bad, good):
        handle.startReading()
    bad[1].send(b"go")
    assert await done == b"still there"
    assert openHandles() == [bad[0], good[0]]
    close(bad, good)
    assert len(guard.flushLoggedErrors(kind)) == 1


@pytest.mark.parametrize("kind", ENDS)
async def test_whatever_a_callback_raises_the_others_run(
    kind: type[BaseException], guard: Guard
) -> None:
    seen: list[str] = []
    poller = pollerOf()

    def fail() -> None:
        raise kind

    for queue in (poller.nextTick, poller.queueMicrotask, poller.atRoundEnd):
        queue(fail)
        queue(seen.append, queue.__name__)
    poller.callLater(0, fail)
    while len(seen) < 3:
        await turn()
    await turn()
    assert seen == ["nextTick", "queueMicrotask", "atRoundEnd"]
    assert len(guard.flushLoggedErrors(kind)) == 4
    later: Deferred[None] = Deferred()
    poller.nextTick(later.callback, None)
    await later


async def test_a_handle_that_fails_to_see_to_its_failure_harms_nobody(guard: Guard) -> None:
    class Worse(Watched):
        def handlerFailed(self, failure: object) -> None:
            raise LookupError

    mine, other = socket.socketpair()
    worse, done = Worse(pollerOf(), mine), Deferred[None]()

    def read(data: bytes) -> None:
        pollerOf().nextTick(done.callback, None)
        raise ValueError

    worse.act = read
    worse.startReading()
    other.send(b"go")
    await done
    close((worse, other))
    assert len(guard.flushLoggedErrors(LookupError)) == 1


async def test_who_is_paused_within_a_batch_reads_no_more_although_it_writes() -> None:
    first, second = pair(), pair()
    read: list[Watched] = []

    def act_of(this: Watched, that: Watched) -> Callable[[bytes], object]:
        def act(data: bytes) -> None:
            read.append(this)
            that.stopReading()

        return act

    first[0].act = act_of(first[0], second[0])
    second[0].act = act_of(second[0], first[0])
    for handle, other in (first, second):
        handle.startReading()
        handle.startWriting()
        other.send(b"go")
    while not read:
        await turn()
    close(first, second)
    assert len(read) == 1


async def test_what_a_close_callback_closes_waits_for_the_next_round() -> None:
    """As in libuv: the reactor polls once in between."""
    seen: list[str] = []
    done: Deferred[None] = Deferred()
    first, second = pair(), pair()

    def closed() -> None:
        seen.append("closed")
        pollerOf().atRoundEnd(seen.append, "closed by it")
        pollerOf().atRoundEnd(done.callback, None)
        second[1].send(b"go")

    first[0].act = lambda data: pollerOf().atRoundEnd(closed)
    second[0].act = lambda data: seen.append("read")
    for handle, _ in (first, second):
        handle.startReading()
    first[1].send(b"go")
    await done
    close(first, second)
    assert seen == ["closed", "read", "closed by it"]


async def test_close_callbacks_run_although_the_last_handle_has_gone() -> None:
    handle, other = pair()
    done: Deferred[None] = Deferred()

    def last() -> None:
        close((handle, other))
        pollerOf().atRoundEnd(done.callback, None)

    handle.startReading()
    other.send(b"go")
    pollerOf().ticks.queue.append((last, ()))  # as if queued by a foreign descriptor's handler
    await done


async def test_a_handler_may_turn_the_reactor_itself() -> None:
    seen: list[str] = []
    done: Deferred[None] = Deferred()
    outer, inner = pair(), pair()

    def read(data: bytes) -> None:
        inner[1].send(b"go")
        while "inner" not in seen:
            reactor.iterate(0)
        seen.append("outer")
        pollerOf().atRoundEnd(seen.append, "outer closed")
        pollerOf().atRoundEnd(done.callback, None)

    def read_inner(data: bytes) -> None:
        seen.append("inner")
        pollerOf().atRoundEnd(seen.append, "inner closed")

    outer[0].act, inner[0].act = read, read_inner
    for handle, _ in (outer, inner):
        handle.startReading()
    outer[1].send(b"go")
    await done
    close(outer, inner)
    assert seen == ["inner", "outer", "inner closed", "outer closed"]


async def test_a_timer_s_callback_may_turn_the_reactor_itself() -> None:
    closed: Deferred[None] = Deferred()
    read: list[bytes] = []
    handle, other = pair()

    def read_it(data: bytes) -> None:
        read.append(data)
        pollerOf().atRoundEnd(closed.callback, None)

    handle.act = read_it
    handle.startReading()
    other.send(b"go")

    def turning() -> None:
        while not read:
            reactor.iterate(0)

    pollerOf().callLater(0, turning)
    await closed
    close((handle, other))


async def test_ticks_run_although_somebody_has_cancelled_all_timers() -> None:
    """As trial does between two tests."""
    poller = pollerOf()
    seen: list[str] = []
    for queue in (poller.nextTick, poller.atRoundEnd):
        queue(seen.append, "before")
    for call in IReactorTime(reactor).getDelayedCalls():
        if "Ticks" in str(call):
            call.cancel()
    done: Deferred[None] = Deferred()
    poller.nextTick(seen.append, "after")
    poller.atRoundEnd(done.callback, None)
    await done
    assert seen == ["before", "after", "before"]


async def test_a_handle_that_cannot_be_watched_is_not_listed() -> None:
    mine, other = socket.socketpair()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (mine.fileno(), before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            Watched(pollerOf(), mine)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    mine.close()
    other.close()
    assert (openHandles(), activeHandles()) == ([], 0)


async def test_a_descriptor_that_somebody_else_has_closed_can_be_given_up() -> None:
    handle, other = pair()
    handle.startReading()
    socket.close(handle.fileno())
    with pytest.raises(OSError, match="Bad file descriptor"):
        handle.closeDescriptor()
    other.close()
    assert (openHandles(), activeHandles()) == ([], 0)


def test_a_socket_is_given_away_once() -> None:
    handle, other = pair()
    given = handle.detachDescriptor()
    assert handle.detachDescriptor() is given
    assert activeHandles() == 0
    given.close()
    other.close()


async def test_everybody_who_waits_for_idleness_is_told_when_it_has_come() -> None:
    seen: list[str] = []

    def poke() -> Deferred[None]:
        done: Deferred[None] = Deferred()
        pollerOf().callLater(0.01, done.callback, None, ref=False)
        return done

    settle = pollerOf().pending("work")
    more: list[Callable[[], None]] = []
    first, second, cancelled = whenIdle(), whenIdle(), whenIdle()
    cancelled.addErrback(lambda failure: None)
    cancelled.cancel()

    def go_on(_: None) -> None:
        seen.append("first")
        more.append(pollerOf().pending("more"))

    first.addCallback(go_on)
    second.addCallback(lambda _: seen.append("second"))
    pollerOf().nextTick(settle)
    await first
    await poke()
    more.pop()()
    await second
    await whenIdle()
    assert seen == ["first", "second"]


async def test_a_thread_that_was_there_before_the_reactor_s_does_not_matter() -> None:
    """`pollerOf` may be called first where the reactor will not run."""
    made: list[Poller] = []
    thread = threading.Thread(target=lambda: made.append(DirectPoller(reactor)))
    thread.start()
    thread.join()
    done: Deferred[None] = Deferred()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made[0].nextTick(done.callback, None)
    await done


def test_inside_a_callback_the_reactor_is_the_one_that_runs_it() -> None:
    other = MemoryReactorClock()
    poller = pollerOf(other)
    seen: list[Poller] = []
    poller.callLater(0, lambda: seen.append(pollerOf()))
    other.advance(0)
    assert seen == [poller]
    assert pollerOf() is pollerOf(reactor)
    assert IReactorCore.providedBy(reactor)
