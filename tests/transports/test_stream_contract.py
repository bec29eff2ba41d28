"""What every stream link promises, whatever is below it."""

from __future__ import annotations

import pytest
from links import Recorder
from twisted.internet import reactor
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from nodenet.interfaces import IStreamLink, IStreamSink
from nodenet.loop.poller import Poller
from nodenet.transports.unix import UNIXTransport

Pair = tuple[Recorder, Recorder]

LARGE = bytes(range(256)) * 4096
"""A megabyte: more than the buffers between the two ends take."""


async def turn() -> None:
    """Let the reactor go round once."""
    await deferLater(reactor, 0)


async def turns() -> None:
    for _ in range(5):
        await turn()


def test_a_link_and_its_sink_provide_their_interfaces(pair: Pair) -> None:
    near, _ = pair
    assert verifyObject(IStreamLink, near.link)
    assert verifyObject(IStreamSink, near)


async def test_what_is_sent_arrives_and_is_counted(pair: Pair) -> None:
    near, far = pair
    assert near.link.send(b"hello")
    assert near.link.bytesSent == 5
    assert near.link.queued == 0
    await far.bytes(5)
    assert far.received == b"hello"
    assert far.link.bytesRead == 5


async def test_what_leaves_at_once_has_no_flush_notice(pair: Pair) -> None:
    near, far = pair
    near.link.send(b"hello")
    near.link.sendv([b"a", b"b"])
    await far.bytes(7)
    await turns()
    assert near.events == []


async def test_what_the_peer_does_not_take_yet_waits_and_is_counted(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    assert not near.link.send(LARGE)
    assert near.link.queued > 0
    assert near.link.bytesSent + near.link.queued == len(LARGE)
    await turns()
    assert near.events == []
    far.link.startReading()
    await near.event("flushed")
    assert near.link.queued == 0
    assert near.link.bytesSent == len(LARGE)
    await far.bytes(len(LARGE))
    assert far.received == LARGE


async def test_the_flush_notice_comes_once_for_all_that_waited(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(LARGE)
    assert not near.link.send(b"more")
    assert not near.link.sendv([b"and", b"more"])
    far.link.startReading()
    await far.bytes(len(LARGE) + 11)
    await turns()
    assert near.events == ["flushed"]


async def test_the_order_is_kept_across_partial_sends(pair: Pair) -> None:
    near, far = pair
    chunks = [bytes([65 + index % 26]) * (index * 37 % 5000) for index in range(400)]
    for index in range(0, 400, 4):
        near.link.send(chunks[index])
        near.link.sendv(chunks[index + 1 : index + 4])
    everything = b"".join(chunks)
    await far.bytes(len(everything))
    assert far.received == everything


async def test_more_buffers_than_one_call_takes_are_sent_all(pair: Pair) -> None:
    near, far = pair
    near.link.sendv([b"%04d" % index for index in range(3000)])
    await far.bytes(12_000)
    assert far.received == b"".join(b"%04d" % index for index in range(3000))


async def test_writing_more_from_the_flush_notice_goes_on(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(LARGE)
    near.onEvent = lambda name: len(near.events) == 1 and near.link.send(LARGE)
    far.link.startReading()
    await far.bytes(2 * len(LARGE))
    assert far.received == LARGE + LARGE
    await turns()
    assert near.link.queued == 0


async def test_a_fin_ends_reading_and_not_writing(pair: Pair) -> None:
    near, far = pair
    near.link.send(b"last")
    near.link.shutdown()
    await far.event("readEnded")
    assert far.received == b"last"
    assert not far.link.reading
    assert far.link.send(b"answer")
    await near.bytes(6)
    assert near.received == b"answer"


async def test_what_was_written_is_kept_after_the_peers_fin(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(LARGE)
    far.link.shutdown()
    await near.event("readEnded")
    far.link.startReading()
    await far.bytes(len(LARGE))
    assert far.received == LARGE


async def test_closing_looks_like_a_fin_to_the_peer(pair: Pair) -> None:
    near, far = pair
    near.link.close()
    await far.event("readEnded")
    assert far.events == ["readEnded"]


async def test_closing_drops_what_waits(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(LARGE)
    near.link.close()
    assert near.link.queued == 0
    far.link.startReading()
    await far.until(lambda: bool(far.events))
    assert len(far.received) < len(LARGE)


async def test_after_close_the_sink_hears_nothing(pair: Pair) -> None:
    near, far = pair
    far.link.send(b"unheard")
    near.link.close()
    near.link.close()
    await turns()
    assert (near.received, near.events) == (b"", [])


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_link_may_be_closed_where_its_bytes_are_delivered(pair: Pair, end: str) -> None:
    near, far = pair
    near.onEvent = lambda name: getattr(near.link, end)()
    far.link.send(b"one")
    await near.bytes(3)
    await turns()
    assert (near.received, near.events) == (b"one", [])


async def test_a_link_may_be_closed_in_its_flush_notice(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(LARGE)
    near.onEvent = lambda name: near.link.close()
    far.link.startReading()
    await far.event("readEnded")
    assert far.received == LARGE
    assert near.events == ["flushed"]


async def test_a_paused_link_delivers_nothing_until_it_is_resumed(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(b"later")
    await turns()
    assert far.received == b""
    far.link.startReading()
    await far.bytes(5)


async def test_a_link_may_be_paused_where_its_bytes_are_delivered(pair: Pair) -> None:
    near, far = pair
    far.onEvent = lambda name: far.link.stopReading()
    near.link.send(LARGE)
    await far.bytes(1)
    seen = far.received
    await turns()
    assert far.received == seen
    far.onEvent = None
    far.link.startReading()
    await far.bytes(len(LARGE))


async def test_bytes_go_into_the_callers_buffer(pair: Pair) -> None:
    near, far = pair
    buffer = bytearray(4)
    far.link.buffer = memoryview(buffer)
    near.link.send(b"abcdef")
    await far.bytes(6)
    assert far.received == b"abcdef"
    assert buffer == b"efcd"


async def test_writing_after_the_peer_is_gone_fails_with_its_code(pair: Pair) -> None:
    near, far = pair
    near.link.stopReading()
    far.link.close()
    await turns()

    async def keep_writing() -> None:
        for _ in range(100):
            near.link.send(b"nobody reads this")
            await turn()

    with pytest.raises(OSError, match=r"^write E(PIPE|CONNRESET)$"):
        await keep_writing()
    assert near.link.queued == 0


def resets(end: Recorder) -> bool:
    """Whether this kind of connection has resets: Unix sockets have none."""
    return not isinstance(end.link, UNIXTransport)


async def test_a_reset_is_told_with_its_code(pair: Pair) -> None:
    near, far = pair
    near.link.reset()
    await far.until(lambda: bool(far.events))
    await turns()
    assert far.events == (["read ECONNRESET"] if resets(near) else ["readEnded"])


async def test_what_came_before_a_reset_is_still_delivered(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(b"last words")
    near.link.reset()
    await turns()
    far.link.startReading()
    await far.until(lambda: bool(far.events))
    assert far.received == b"last words"
    assert far.events == (["read ECONNRESET"] if resets(near) else ["readEnded"])


async def test_who_closes_with_bytes_unread_resets(pair: Pair) -> None:
    near, far = pair
    near.link.stopReading()
    far.link.send(b"unread")
    await turns()
    near.link.close()
    await far.until(lambda: bool(far.events))
    assert far.events == ["read ECONNRESET"]


async def test_a_reset_behind_a_fin_fails_writing_alone(pair: Pair) -> None:
    near, far = pair
    near.link.close()
    await far.event("readEnded")
    if resets(near):
        far.link.send(b"nobody is there")  # which is answered by a reset
        await turns()
    with pytest.raises(OSError, match=r"^write EPIPE$"):
        far.link.send(b"nor now")
    assert far.events == ["readEnded"]


async def test_both_ends_may_say_their_end(pair: Pair) -> None:
    near, far = pair
    near.link.shutdown()
    far.link.shutdown()
    await near.event("readEnded")
    await far.event("readEnded")
    assert (near.errors, far.errors) == ([], [])
    with pytest.raises(OSError, match=r"^write EPIPE$"):
        near.link.send(b"too late")


async def test_a_paused_link_hears_of_the_end_when_it_is_resumed(pair: Pair) -> None:
    near, far = pair
    far.link.stopReading()
    near.link.send(b"last")
    near.link.shutdown()
    await turns()
    assert far.events == []
    far.link.startReading()
    await far.event("readEnded")
    assert far.received == b"last"


def test_the_ends_know_each_others_address(pair: Pair) -> None:
    near, far = pair
    if resets(near):
        assert near.link.remoteAddress() == far.link.localAddress()
        assert far.link.remoteAddress() == near.link.localAddress()
    else:
        assert near.link.remoteAddress() is near.link.localAddress() is None


def test_a_link_says_where_it_is_and_when_it_is_closed(pair: Pair) -> None:
    near, _ = pair
    open_ = near.link.describe()
    near.link.close()
    assert near.link.describe() != open_
    assert "closed" in near.link.describe()


def test_an_open_link_is_counted_unless_it_is_not_to_be(pair: Pair) -> None:
    near, far = pair
    poller: Poller = near.link.poller
    assert {near.link, far.link} <= set(poller.openHandles())
    count = poller.references
    near.link.unref()
    near.link.unref()
    assert poller.references == count - 1
    near.link.ref()
    assert poller.references == count
    near.link.close()
    assert poller.references == count - 1
    assert near.link not in poller.openHandles()


async def test_another_sink_hears_what_comes_after_it_was_attached(pair: Pair) -> None:
    near, far = pair
    near.link.send(b"one")
    await far.bytes(3)
    other = Recorder(far.link)
    near.link.send(b"two")
    near.link.shutdown()
    await other.event("readEnded")
    assert (far.received, other.received) == (b"one", b"two")
