"""Open handles: who is listed, who keeps a program going, what the reactor sees."""

from __future__ import annotations

import os
import select
import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet

from nodenet.loop import Handle, activeHandles, openHandles, pollerOf, whenIdle


class Quiet(Handle):
    """Reads and forgets."""

    def doRead(self) -> None:
        self._socket.recv(100)


def pair() -> tuple[Quiet, socket.socket]:
    mine, other = socket.socketpair()
    return Quiet(pollerOf(), mine), other


def test_a_handle_is_listed_from_its_opening_to_its_closing() -> None:
    handle, other = pair()
    assert openHandles() == [handle]
    handle.closeDescriptor()
    other.close()
    assert openHandles() == []


def test_an_unreferenced_handle_is_open_but_not_active() -> None:
    handle, other = pair()
    handle.startReading()
    assert activeHandles() == 1
    handle.unref()
    handle.unref()
    assert (activeHandles(), len(openHandles())) == (0, 1)
    handle.ref()
    assert activeHandles() == 1
    handle.closeDescriptor()
    handle.closeDescriptor()
    other.close()
    assert activeHandles() == 0


def test_a_handle_is_active_while_it_waits_for_something() -> None:
    handle, other = pair()
    assert activeHandles() == 0
    handle.startReading()
    handle.startWriting()
    assert activeHandles() == 1
    handle.stopReading()
    handle.unref()
    assert activeHandles() == 1  # what was written shall leave
    handle.stopWriting()
    assert activeHandles() == 0
    handle.ref()
    assert activeHandles() == 0  # it is paused
    handle.closeDescriptor()
    other.close()


def test_the_reactor_holds_one_reader_for_all_handles_and_none_without() -> None:
    fd_set = IReactorFDSet(reactor)
    before = len(fd_set.getReaders())
    pairs = [pair() for _ in range(3)]
    for handle, _ in pairs:
        handle.startReading()
    assert len(fd_set.getReaders()) == before + 1
    for handle, other in pairs:
        handle.closeDescriptor()
        other.close()
    assert len(fd_set.getReaders()) == before


def test_the_poller_s_repr_names_what_is_open() -> None:
    handle, other = pair()
    assert "Quiet fd=" in repr(pollerOf())
    handle.closeDescriptor()
    other.close()
    assert "nothing open" in repr(pollerOf())


async def test_a_paused_handle_of_a_reset_peer_does_not_spin() -> None:
    """epoll reports a hang-up even for an empty mask: the handle must not be registered."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    handle = Quiet(pollerOf(), accepted)
    handle.startReading()
    handle.stopReading()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    listener.close()
    assert not select.select([pollerOf().fileno()], [], [], 0)[0]  # type: ignore[attr-defined]
    handle.closeDescriptor()


async def test_a_poller_survives_removeAll_and_heals_with_the_next_registration() -> None:
    done: Deferred[bytes] = Deferred()

    class Once(Handle):
        def doRead(self) -> None:
            done.callback(self._socket.recv(100))

    handle, other = pair()
    fd_set = IReactorFDSet(reactor)
    removed = fd_set.removeAll()
    for reader in removed:
        fd_set.addReader(reader)  # type: ignore[arg-type]  # nobody here only writes
    fd_set.removeReader(pollerOf())  # type: ignore[arg-type]  # it is one where there is epoll
    mine, sender = socket.socketpair()
    once = Once(pollerOf(), mine)
    once.startReading()
    sender.send(b"alive")
    assert await done == b"alive"
    for each in (handle, once):
        each.closeDescriptor()
    other.close()
    sender.close()


async def test_a_forked_child_leaves_the_parent_s_descriptors_alone() -> None:
    done: Deferred[bytes] = Deferred()

    class Once(Handle):
        def doRead(self) -> None:
            done.callback(self._socket.recv(100))

    mine, sender = socket.socketpair()
    once = Once(pollerOf(), mine)
    once.startReading()
    child = os.fork()
    if not child:
        once.stopReading()
        once.closeDescriptor()
        os._exit(0)
    os.waitpid(child, 0)
    sender.send(b"still watched")
    assert await done == b"still watched"
    once.closeDescriptor()
    sender.close()


async def test_idle_means_no_handle_and_no_timer() -> None:
    seen: list[str] = []
    handle, other = pair()
    poller = pollerOf()
    poller.callLater(0.01, handle.closeDescriptor)
    poller.callLater(0.02, seen.append, "last timer")
    poller.callLater(3600, seen.append, "unreferenced", ref=False).cancel()
    await whenIdle()
    other.close()
    assert seen == ["last timer"]


async def test_a_look_up_under_way_counts_as_active() -> None:
    settle = pollerOf().pending("a look-up")
    assert activeHandles() == 1
    settle()
    settle()
    assert activeHandles() == 0
