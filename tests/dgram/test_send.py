"""Sending beyond Node: no callback is forgotten, no error is silent, a full kernel only delays."""

from __future__ import annotations

import pytest

from nodenet import dgram, events, loop
from nodenet.transports import udp_queue

EVERYWHERE = True

MORE = 3000
"""More datagrams than a Unix socket has room for, however its system is set up."""


async def test_an_error_without_a_callback_is_emitted(sockets):
    socket = await sockets.bound()
    socket.send(bytes(65_508), 9, "127.0.0.1")
    with pytest.raises(OSError, match=r"send EMSGSIZE 127\.0\.0\.1:9"):
        await events.once(socket, "message")


async def test_an_error_names_the_default_address(sockets, sent):
    socket = await sockets.bound()
    error, size = await sent(socket, bytes(65_508), 9)
    assert (str(error), size) == ("send EMSGSIZE 127.0.0.1:9", None)


async def test_closing_at_once_cancels_and_the_callback_hears_it(sockets):
    receiver, sender = await sockets.bound(), await sockets.bound()
    heard, results = [], []
    receiver.on("message", lambda msg, _: heard.append(msg))
    sender.send("x", receiver.address().port, "127.0.0.1", lambda *result: results.append(result))
    assert (sender.getSendQueueCount(), sender.getSendQueueSize()) == (1, 1)
    sender.close()
    assert results == []
    await events.once(sender, "close")
    error, size = results[0]
    assert (str(error), size) == (f"send ECANCELED 127.0.0.1:{receiver.address().port}", None)
    marker = await sockets.bound()
    marker.send("marker", receiver.address().port, "127.0.0.1")
    await events.once(receiver, "message")
    assert heard == [b"marker"]


async def test_closing_before_it_is_bound_cancels_too(sockets):
    results = []
    socket = sockets()
    socket.send("x", 9, "127.0.0.1", lambda *result: results.append(result))
    socket.close()
    await events.once(socket, "close")
    assert [error.code for error, _ in results] == ["ECANCELED"]


async def test_closing_during_the_look_up_cancels_too(sockets):
    answer = []
    socket = sockets(type="udp4", lookup=lambda host, family, found: answer.append(found))
    results = []
    socket.bind(0)
    answer.pop()(None, "127.0.0.1", 4)
    socket.send("x", 9, "somewhere", lambda *result: results.append(result))
    socket.close()
    answer.pop()(None, "127.0.0.1", 4)
    await events.once(socket, "close")
    assert [str(error) for error, _ in results] == ["send ECANCELED somewhere:9"]


async def test_a_bind_that_fails_fails_what_waited_for_it(sockets):
    results = []
    socket = sockets()
    socket.bind(0, "192.0.2.1")
    socket.send("x", 9, "127.0.0.1", lambda *result: results.append(result))
    with pytest.raises(OSError, match="bind EADDRNOTAVAIL"):
        await events.once(socket, "listening")
    await events.once(sockets().close(), "close")
    assert [str(error) for error, _ in results] == ["bind EADDRNOTAVAIL 192.0.2.1"]


async def test_what_a_connected_socket_has_sent_leaves_before_it_closes(sockets):
    receiver = await sockets.bound()
    sender = await sockets.connected(receiver)
    results = []
    sender.send("x", lambda *result: results.append(result))
    sender.close()
    assert (await events.once(receiver, "message"))[0] == b"x"
    assert results == [(None, 1)]


async def test_what_earlier_handlers_of_a_batch_have_sent_leaves_before_it_closes(sockets, sent):
    server, client = await sockets.bound(), await sockets.bound()
    results = []

    @server.on("message")
    def answer(msg, rinfo):
        server.send(msg, rinfo.port, rinfo.address, lambda error, _: results.append((msg, error)))
        if msg == b"3":
            server.close()

    for text in "1234":
        client.send(text, server.address().port, "127.0.0.1")
    heard = [(await events.once(client, "message"))[0]]
    heard.append((await events.once(client, "message"))[0])
    assert heard == [b"1", b"2"]
    assert results[:2] == [(b"1", None), (b"2", None)]
    assert [(msg, error.code) for msg, error in results[2:]] == [(b"3", "ECANCELED")]


async def test_the_message_may_be_changed_after_send(sockets):
    receiver, sender = await sockets.bound(), await sockets.bound()
    message = bytearray(b"before")
    sender.send(message, receiver.address().port, "127.0.0.1")
    message[:] = b"after!"
    assert (await events.once(receiver, "message"))[0] == b"before"


async def test_keywords_do_as_well(sockets, take, sent):
    receiver, sender = await sockets.bound(), await sockets.bound()
    port = receiver.address().port
    results = []

    def done(*result):
        results.append(result)

    sender.send("one", port=port, address="127.0.0.1", callback=done)
    sender.send("two", port, callback=done)
    sender.send("three", port=port, callback=done)
    sender.send(b"xfourx", offset=1, length=4, port=port, address="127.0.0.1", callback=done)
    heard = await take(receiver, 4)
    assert heard == [b"one", b"two", b"three", b"four"]
    assert results == [(None, 3), (None, 3), (None, 5), (None, 4)]


async def test_over_the_limit_of_the_queue_sending_fails_clearly(sockets, take, socketPath):
    server, client = sockets("unix_dgram"), sockets("unix_dgram", sendQueueLimit=1000)
    server.bind(socketPath("server"))
    await events.once(server, "listening")
    client.connect(socketPath("server"))
    await events.once(client, "connect")
    results = []
    for _ in range(MORE):
        client.send(bytes(100), lambda error, _: results.append(error))
    assert client.getSendQueueCount() == MORE
    await events.once(sockets().close(), "close")
    refused = [error for error in results if error is not None]
    assert {str(error) for error in refused} == {"send ENOBUFS"}
    assert client.getSendQueueCount() == 10
    assert client.getSendQueueSize() == 1000
    await take(server, MORE - len(refused))
    assert client.getSendQueueCount() == 0


async def test_empty_datagrams_do_not_wait_without_a_bound(sockets, socketPath, monkeypatch):
    monkeypatch.setattr(udp_queue, "SEND_QUEUE_MOST", 20)
    server, client = sockets("unix_dgram"), sockets("unix_dgram")
    server.bind(socketPath("server"))
    await events.once(server, "listening")
    client.connect(socketPath("server"))
    await events.once(client, "connect")
    results = []
    for _ in range(100):
        client.send(b"", lambda error, _: results.append(error))
    await events.once(sockets().close(), "close")
    assert {str(error) for error in results if error is not None} == {"send ENOBUFS"}
    assert client.getSendQueueCount() == 20


async def test_closing_cancels_what_waits_in_order(sockets, socketPath):
    server, client = sockets("unix_dgram"), sockets("unix_dgram")
    server.bind(socketPath("server"))
    await events.once(server, "listening")
    client.connect(socketPath("server"))
    await events.once(client, "connect")
    results = []
    for index in range(MORE):
        client.send("x", lambda error, _, index=index: results.append((index, error)))
    await events.once(sockets().close(), "close")
    waiting = client.getSendQueueCount()
    assert waiting
    client.close()
    await events.once(client, "close")
    assert [index for index, _ in results] == list(range(MORE))
    assert [error.code for _, error in results if error] == ["ECANCELED"] * waiting


async def burst(sockets, take, count=150):
    """Send from one handler; what arrives, in order of arrival."""
    receiver, sender = await sockets.bound(recvBufferSize=212_992), await sockets.bound()
    for index in range(count):
        # of different lengths, so that each is a datagram to the kernel as well
        msg = b"%d" % index + b" " * (index % 5)
        sender.send(msg, receiver.address().port, "127.0.0.1")
    return [int(msg) for msg in await take(receiver, count)]


async def test_what_one_handler_sends_leaves_in_as_few_calls_as_possible(sockets, take, spy):
    calls = spy()
    assert await burst(sockets, take) == list(range(150))
    assert calls.counts == [64, 64, 22]


async def test_the_answers_to_a_batch_leave_in_one_call(sockets, spy):
    server, client = await sockets.bound(), await sockets.bound()
    server.on("message", lambda msg, rinfo: server.send(msg, rinfo.port, rinfo.address))
    answers = client.messages()
    port = server.address().port

    async def exchange():
        for index in range(40):
            client.send("x" * index, port, "127.0.0.1")
        for _ in range(40):
            await anext(answers)

    await exchange()
    seen = []
    for _ in range(20):
        calls = spy()
        await exchange()
        seen.append(calls.counts)
        # the client's, and the server's: a few are read one by one before a batch is tried
        if calls.counts[0] == 40 and sum(calls.counts[1:]) > 20 and len(calls.counts) <= 4:
            break  # a kernel that is busy hands them over piece by piece
    else:
        pytest.fail(f"sent in pieces: {seen}")


async def test_a_call_that_takes_only_some_is_continued(sockets, take, spy):
    calls = spy(most=7)
    assert await burst(sockets, take) == list(range(150))
    assert set(calls.counts) <= {7, 6, 3, 2, 1}


async def test_an_interrupted_call_is_made_again(sockets, take, spy):
    spy(failures=[4, 4])  # EINTR
    assert await burst(sockets, take) == list(range(150))


async def test_a_kernel_that_is_full_without_saying_when_is_tried_again(sockets, take, spy):
    spy(failures=[105, 105, 11])  # ENOBUFS, EAGAIN
    assert await burst(sockets, take) == list(range(150))


async def test_a_system_without_the_call_sends_one_by_one(sockets, take, spy):
    calls = spy(failures=[38])  # ENOSYS
    assert await burst(sockets, take) == list(range(150))
    assert calls.counts == []


async def test_a_datagram_that_is_refused_stops_none_behind_it(sockets, take):
    receiver, sender = await sockets.bound(), await sockets.bound()
    results = []
    for index in range(10):
        msg = bytes(70_000) if index % 3 == 1 else b"%d" % index
        sender.send(
            msg, receiver.address().port, "127.0.0.1", lambda error, size: results.append(error)
        )
    heard = [int(msg) for msg in await take(receiver, 7)]
    assert heard == [0, 2, 3, 5, 6, 8, 9]
    assert [bool(error) for error in results] == [index % 3 == 1 for index in range(10)]


async def test_long_and_short_datagrams_share_a_call(sockets, take):
    receiver, sender = await sockets.bound(recvBufferSize=212_992), await sockets.bound()
    sizes = [1, 2048, 2049, 9000, 0, 100, 65_507, 3000, 5] * 2
    for size in sizes:
        sender.send(b"x" * size, receiver.address().port, "127.0.0.1")
    assert await take(receiver, len(sizes)) == [b"x" * size for size in sizes]


async def test_send_from_outside_a_handler_leaves_in_the_next_tick(sockets):
    receiver, sender = await sockets.bound(), await sockets.bound()
    order = []
    loop.pollerOf().reactor.callLater(
        0,
        lambda: sender.send(
            "x", receiver.address().port, "127.0.0.1", lambda *_: order.append("sent")
        ),
    )
    assert (await events.once(receiver, "message"))[0] == b"x"
    assert order == ["sent"]


def test_the_limit_of_the_queue_is_checked(sockets):
    with pytest.raises(TypeError, match="sendQueueLimit"):
        dgram.createSocket("udp4", sendQueueLimit="x")
