"""A handle that alone has something to do: the reactor watches it by itself, and nobody notices."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IReactorFDSet

from nodenet.loop import Handle, activeHandles, openHandles, pollerOf
from nodenet.testing import Guard

pytestmark = pytest.mark.skipif(
    not isinstance(reactor, EPollReactor), reason="only Twisted's epoll reactor is given favourites"
)

ROUNDS = 100


class Busy(Handle):
    """Answers each thing it reads, unless it is told to do something else."""

    act: Callable[[bytes], object] | None = None
    writable: Deferred[None] | None = None

    def doRead(self) -> None:
        data = self._socket.recv(100)
        if self.act is None:
            self._socket.send(data)
        else:
            self.act(data)

    def doWrite(self) -> None:
        self.stopWriting()
        if self.writable is not None:
            self.writable.callback(None)


class Pair:
    """A busy handle, and the plain Twisted reader at the other end that makes it so."""

    def __init__(self) -> None:
        mine, self.other = socket.socketpair()
        self.other.setblocking(False)
        self.busy = Busy(pollerOf(), mine)
        self.busy.startReading()
        self._heard: Deferred[bytes] | None = None

    def fileno(self) -> int:
        return self.other.fileno()

    def logPrefix(self) -> str:
        return "the other end"

    def doRead(self) -> None:
        heard, self._heard = self._heard, None
        assert heard is not None
        IReactorFDSet(reactor).removeReader(self)  # type: ignore[arg-type]
        heard.callback(self.other.recv(100))

    def connectionLost(self, reason: Any) -> None:
        pass

    def ask(self, data: bytes) -> Deferred[bytes]:
        """What comes back."""
        heard: Deferred[bytes] = Deferred()
        self._heard = heard
        IReactorFDSet(reactor).addReader(self)  # type: ignore[arg-type]
        self.other.send(data)
        return heard

    async def alone(self) -> None:
        """Be busy until the reactor watches this by itself."""
        for _ in range(ROUNDS):
            await self.ask(b"ping")
        assert self.watched()

    def watched(self) -> bool:
        """Whether it does."""
        return repr(self.busy) in map(repr, IReactorFDSet(reactor).getReaders())

    def close(self) -> None:
        self.busy.closeDescriptor()
        self.other.close()


@pytest_twisted.async_yield_fixture  # type: ignore[untyped-decorator]
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    await made.alone()
    yield made
    made.close()
    assert not made.watched()
    assert (openHandles(), activeHandles()) == ([], 0)


async def test_who_is_busy_beside_it_is_served_too_and_then_they_share_one_reader(
    pair: Pair,
) -> None:
    second = Pair()
    assert await second.ask(b"one at a time") == b"one at a time"
    assert pair.watched()
    third = Pair()
    both = [second.ask(b"at"), third.ask(b"once")]
    assert [await each for each in both] == [b"at", b"once"]
    assert not pair.watched()
    assert await pair.ask(b"as ever") == b"as ever"
    second.close()
    third.close()


async def test_the_next_one_who_is_busy_takes_its_place(pair: Pair) -> None:
    second = Pair()
    await second.alone()
    assert not pair.watched()
    assert await pair.ask(b"as ever") == b"as ever"
    second.close()


async def test_what_arrives_while_it_is_paused_waits(pair: Pair) -> None:
    pair.busy.stopReading()
    heard = pair.ask(b"later")
    other = Pair()
    assert await other.ask(b"meanwhile") == b"meanwhile"
    other.close()
    assert not heard.called
    pair.busy.startReading()
    assert await heard == b"later"


async def test_it_may_write_and_read(pair: Pair) -> None:
    pair.busy.writable = Deferred()
    pair.busy.startWriting()
    await pair.busy.writable
    assert await pair.ask(b"and read") == b"and read"


async def test_it_may_close_itself_and_the_descriptor_may_be_used_again(pair: Pair) -> None:
    done: Deferred[bytes] = Deferred()

    def last(data: bytes) -> None:
        pair.busy.closeDescriptor()
        done.callback(data)

    pair.busy.act = last
    number = pair.busy.fileno()
    pair.other.send(b"the end")
    assert await done == b"the end"
    again = Pair()
    assert again.busy.fileno() == number
    assert await again.ask(b"somebody else") == b"somebody else"
    again.close()


async def test_its_ticks_run_behind_it_and_what_closes_behind_these(pair: Pair) -> None:
    seen: list[str] = []
    done: Deferred[None] = Deferred()
    poller = pollerOf()

    def act(data: bytes) -> None:
        poller.atRoundEnd(seen.append, "round's end")
        poller.atRoundEnd(done.callback, None)
        poller.queueMicrotask(seen.append, "microtask")
        poller.nextTick(seen.append, "tick")
        seen.append("handler")

    pair.busy.act = act
    pair.other.send(b"go")
    await done
    assert seen == ["handler", "tick", "microtask", "round's end"]


async def test_a_handler_of_its_that_raises_is_reported_and_goes_on(
    pair: Pair, guard: Guard
) -> None:
    done: Deferred[bytes] = Deferred()

    def act(data: bytes) -> None:
        if data == b"bad":
            raise ValueError("it is bad")
        done.callback(data)

    pair.busy.act = act
    pair.other.send(b"bad")
    other = Pair()
    await other.ask(b"a turn of the reactor")
    other.close()
    pair.other.send(b"good")
    assert await done == b"good"
    assert len(guard.flushLoggedErrors(ValueError)) == 1


async def test_it_survives_removeAll_with_the_next_registration(pair: Pair) -> None:
    fd_set = IReactorFDSet(reactor)
    for reader in fd_set.removeAll():
        if repr(reader) not in (repr(pollerOf()), repr(pair.busy)):
            fd_set.addReader(reader)  # type: ignore[arg-type]  # nobody here only writes
    heard = pair.ask(b"again")
    other = Pair()
    assert await heard == b"again"
    other.close()


async def test_a_forked_child_leaves_it_alone(pair: Pair) -> None:
    child = os.fork()
    if not child:
        pair.busy.stopReading()
        pair.busy.closeDescriptor()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert await pair.ask(b"still watched") == b"still watched"


async def test_it_can_be_given_up_although_somebody_else_has_closed_it() -> None:
    pair = Pair()
    await pair.alone()
    socket.close(pair.busy.fileno())
    with pytest.raises(OSError, match="Bad file descriptor"):
        pair.busy.closeDescriptor()
    pair.other.close()
    assert (openHandles(), activeHandles()) == ([], 0)
    after = Pair()
    assert await after.ask(b"as ever") == b"as ever"
    after.close()
