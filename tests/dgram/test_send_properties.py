"""Whatever is sent and however the kernel takes it: in order, once, and each callback is true."""

from __future__ import annotations

import errno
import socket as sockets_of_python
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from nodenet import loop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there one call sends many")

# Runs of equal datagrams: their size, how many, to which of two receivers, their class.
PARTS = st.tuples(
    st.sampled_from([0, 1, 100, 1200, 2048, 2049]),
    st.integers(1, 25),
    st.integers(0, 1),
    st.sampled_from([None, None, 4]),
)
FAILURES = st.sampled_from(
    [0, 0, errno.EAGAIN, errno.EINTR, errno.ENOBUFS, errno.EIO, errno.EINVAL, errno.EMSGSIZE]
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(PARTS, min_size=1, max_size=3), st.lists(FAILURES, max_size=6), st.integers(1, 64))
@example([(100, 25, 0, None)] * 3, [errno.EINVAL, errno.EINVAL], 64)
@example([(2048, 25, 0, None), (2048, 25, 1, None)], [0, errno.EMSGSIZE, errno.EAGAIN], 1)
async def test_what_is_sent(sockets, spy, parts, failures, most):
    receivers = [await sockets.bound(recvBufferSize=212_992) for _ in range(2)]
    sender = await sockets.bound()
    spy(most=most, failures=failures)
    done: Deferred[None] = Deferred()
    results: list[tuple[int, Exception | None, int | None]] = []
    sent: list[tuple[int, bytes]] = []

    def called(index):
        def callback(error, size):
            results.append((index, error, size))
            if len(results) == len(sent):
                loop.queueMicrotask(done.callback, None)

        return callback

    for size, count, to, tos in parts:
        for _ in range(count):
            index = len(sent)
            msg = (b"%d " % index).ljust(size)[:size]
            sent.append((to, msg))
            where = (receivers[to].address().port, "127.0.0.1")
            sender.send(msg, *where, called(index), tos=tos)
    heard = [await_end(receiver) for receiver in receivers]
    await done
    assert [index for index, _, _ in results] == list(range(len(sent)))
    for index, error, size in results:
        assert size == (None if error else len(sent[index][1]))
    for to, receiver in enumerate(receivers):
        with sockets_of_python.socket(type=sockets_of_python.SOCK_DGRAM) as end:
            end.sendto(b"the end", ("127.0.0.1", receiver.address().port))
        left = [sent[index][1] for index, error, _ in results if not error and sent[index][0] == to]
        assert await heard[to] == left
    for socket in (sender, *receivers):
        socket.close()


def await_end(socket):
    """What it hears, until the end is told."""
    heard: list[bytes] = []
    ended: Deferred[list[bytes]] = Deferred()

    def message(msg, rinfo):
        if msg == b"the end":
            loop.queueMicrotask(ended.callback, heard)
        heard.append(msg)

    socket.on("message", message)
    return ended.addCallback(lambda messages: messages[:-1])
