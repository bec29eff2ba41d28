"""``async for`` over a socket: every message in order, a bound, errors, the end."""

from __future__ import annotations

import gc

import pytest
from twisted.internet.defer import CancelledError
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import provider

from nodenet import events
from nodenet.errors import ERR_OUT_OF_RANGE

EVERYWHERE = True


async def pair(sockets):
    receiver = await sockets.bound()
    return receiver, await sockets.connected(receiver)


async def sendAll(sent, sender, texts):
    """Every datagram is in the receiver's kernel buffer when this returns."""
    for text in texts[:-1]:
        sender.send(text)
    await sent(sender, texts[-1])


async def test_messages_come_in_order_with_their_sender(sockets):
    receiver, sender = await pair(sockets)
    for text in ("one", "two", "three"):
        sender.send(text)
    heard = []
    async for msg, rinfo in receiver:
        heard.append(msg)
        assert rinfo.port == sender.address().port
        if len(heard) == 3:
            break
    assert heard == [b"one", b"two", b"three"]


async def test_it_ends_when_the_socket_is_closed(sockets, sent):
    receiver, sender = await pair(sockets)
    iterator = receiver.messages()
    await sendAll(sent, sender, ["one", "two"])
    await events.once(receiver, "message")
    receiver.close()
    await events.once(receiver, "close")
    assert [msg async for msg, _ in iterator][:1] == [b"one"]


async def test_an_error_is_raised_and_the_iteration_can_go_on(sockets):
    receiver, sender = await pair(sockets)
    iterator = receiver.messages()
    receiver.emit("error", OSError("boom"))
    with pytest.raises(OSError, match="boom"):
        await anext(iterator)
    sender.send("after")
    assert (await anext(iterator))[0] == b"after"


async def test_what_nobody_takes_is_dropped_counted_and_said_once(sockets, sent):
    receiver, sender = await pair(sockets)
    said: list[LogEvent] = []

    @provider(ILogObserver)
    def observer(event):
        said.append(event)

    globalLogPublisher.addObserver(observer)
    iterator = receiver.messages(limit=2)
    last = events.once(receiver, "done")
    receiver.on("message", lambda msg, _: receiver.emit("done") if msg == b"5" else None)
    await sendAll(sent, sender, ["1", "2", "3", "4", "5"])
    await last
    globalLogPublisher.removeObserver(observer)
    assert iterator.dropped == 3
    assert repr(iterator) == "<Messages 2 waiting, 3 dropped>"
    warnings = [event for event in said if event["log_level"] is LogLevel.warn]
    assert len(warnings) == 1
    assert [(await anext(iterator))[0] for _ in range(2)] == [b"1", b"2"]
    await iterator.aclose()


async def test_a_loop_that_is_left_leaves_no_listeners(sockets):
    receiver, sender = await pair(sockets)
    sender.send("x")
    async for _ in receiver:
        break
    gc.collect()
    assert receiver.eventNames() == []
    async with receiver.messages():
        assert set(receiver.eventNames()) == {"message", "error", "close"}
    assert receiver.eventNames() == []


async def test_a_cancelled_wait_loses_no_message(sockets):
    receiver, sender = await pair(sockets)
    iterator = receiver.messages()
    waiting = iterator.__anext__()
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    sender.send("x")
    assert (await anext(iterator))[0] == b"x"


async def test_the_limit_is_a_positive_integer(sockets):
    with pytest.raises(ERR_OUT_OF_RANGE):
        sockets().messages(0)


async def test_a_taker_may_be_canceled_while_it_is_served(sockets, sent):
    receiver, sender = await pair(sockets)
    messages = receiver.messages()
    heard = events.once(receiver, "message")
    await sendAll(sent, sender, ["one"])
    await heard
    taker = anext(messages)
    taker.addErrback(lambda failure: failure.trap(CancelledError))
    taker.cancel()
    assert (await anext(messages))[0] == b"one"


async def test_errors_are_bounded_as_messages_are(sockets):
    socket = await sockets.bound()
    messages = socket.messages(limit=2)
    for index in range(5):
        socket.emit("error", OSError(str(index)))
    assert messages.dropped == 3
    for index in range(2):
        with pytest.raises(OSError, match=str(index)):
            await anext(messages)


async def test_there_is_nothing_to_come_of_a_closed_socket(sockets):
    socket = await sockets.bound()
    await events.once(socket.close(), "close")
    assert [message async for message in socket] == []
    assert socket.listenerCount("message") == 0
