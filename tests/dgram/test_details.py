"""Beyond Node: where a datagram was sent to, its class, errors of each destination."""

from __future__ import annotations

import sys

import pytest

from nodenet import dgram, events
from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_INVALID_IP_ADDRESS,
    ERR_OUT_OF_RANGE,
    SystemCallError,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's")

EVERYWHERE = True


async def server(sockets, type="udp4", **options):
    """One on all interfaces."""
    socket = sockets(type, **options)
    socket.bind(0)
    await events.once(socket, "listening")
    return socket


async def test_a_message_tells_where_it_was_sent_to(sockets):
    socket, client = await server(sockets, packetInfo=True), await sockets.bound()
    client.send("x", socket.address().port, "127.0.0.5")
    _, rinfo = await events.once(socket, "message")
    assert isinstance(rinfo, dgram.PacketInfo)
    assert rinfo[:4] == ("127.0.0.1", "IPv4", client.address().port, 1)
    assert (rinfo.localAddress, rinfo.localInterface) == ("127.0.0.5", "lo")
    assert (rinfo.tos, rinfo.ecn) == (0, 0)


async def test_ipv6_and_mapped_ipv4_tell_it_too(sockets):
    socket = await server(sockets, "udp6", packetInfo=True)
    six, four = await sockets.bound("udp6"), await sockets.bound()
    six.send("x", socket.address().port, "::1")
    assert (await events.once(socket, "message"))[1].localAddress == "::1"
    four.send("x", socket.address().port, "127.0.0.5")
    assert (await events.once(socket, "message"))[1].localAddress == "::ffff:127.0.0.5"


async def test_an_answer_can_come_from_where_one_was_asked(sockets, sent):
    socket, client = await server(sockets, packetInfo=True), await sockets.bound()
    client.connect(socket.address().port, "127.0.0.5")  # hears nobody else
    await events.once(client, "connect")
    client.send("question")
    _, rinfo = await events.once(socket, "message")
    for _ in range(3):
        socket.send("answer", rinfo.port, rinfo.address, fromAddress=rinfo.localAddress)
    msg, rinfo = await events.once(client, "message")
    assert (msg, rinfo.address) == (b"answer", "127.0.0.5")


async def test_an_ipv6_answer_too(sockets):
    socket = await server(sockets, "udp6", packetInfo=True)
    client = await sockets.bound("udp6")
    client.send("question", socket.address().port)
    _, rinfo = await events.once(socket, "message")
    socket.send("answer", rinfo.port, rinfo.address, fromAddress=rinfo.localAddress)
    assert (await events.once(client, "message"))[0] == b"answer"


async def test_many_with_and_without_details_stay_in_order(sockets, take):
    socket, receiver = await server(sockets), await sockets.bound()
    where = (receiver.address().port, "127.0.0.1")
    for index in range(0, 100, 2):
        socket.send(b"%d" % index, *where)
        socket.send(b"%d" % (index + 1), *where, tos=4)
    assert [int(msg) for msg in await take(receiver, 100)] == list(range(100))


@pytest.mark.parametrize("type", ["udp4", "udp6"])
async def test_the_class_of_a_datagram_and_of_a_socket(sockets, type):
    socket = await server(sockets, type, packetInfo=True)
    client = await sockets.bound(type)
    here = client.address().address
    client.send("x", socket.address().port, here, tos=0b1011_1001)
    _, rinfo = await events.once(socket, "message")
    assert (rinfo.tos, rinfo.ecn) == (0b1011_1001, 1)
    client.setTOS(0x20)
    assert client.getTOS() == 0x20
    client.send("x", socket.address().port, here)
    assert (await events.once(socket, "message"))[1].tos == 0x20


async def test_details_of_a_connected_socket(sockets):
    receiver = await sockets.bound(packetInfo=True)
    client = await sockets.connected(receiver)
    client.send("x", tos=8)
    assert (await events.once(receiver, "message"))[1].tos == 8


async def test_wrong_details_are_refused(sockets, sent):
    socket = await sockets.bound()
    with pytest.raises(ERR_INVALID_IP_ADDRESS):
        socket.send("x", 9, fromAddress="localhost")
    with pytest.raises(ERR_OUT_OF_RANGE):
        socket.send("x", 9, tos=256)
    with pytest.raises(ERR_INVALID_ARG_TYPE):
        socket.setTOS("x")
    failed = events.once(socket, "error")
    socket.send("x", 9, "127.0.0.1", fromAddress="::1")
    assert str((await failed)[0]) == "send EINVAL 127.0.0.1:9"
    done = []
    socket.send("x", 9, "127.0.0.1", lambda *result: done.append(result), fromAddress="192.0.2.1")
    await sent(socket, "y", 9, "127.0.0.1")
    assert done[0][0].code in ("EINVAL", "ENETUNREACH")


async def unanswered(sockets):
    """A port where nobody is any more, one who receives, and one who hears of errors."""
    dead = await sockets.bound()
    receiver, socket = await sockets.bound(), await server(sockets, networkErrors=True)
    where = dead.address().port
    dead.close()  # only now: else one of the others may have its port
    return where, receiver, socket


async def test_icmp_errors_name_the_destination_they_are_about(sockets, sent):
    where, receiver, socket = await unanswered(sockets)
    failed = events.once(socket, "error")
    assert await sent(socket, "x", where, "127.0.0.1") == (None, 1)
    error = (await failed)[0]
    assert str(error) == f"recvmsg ECONNREFUSED 127.0.0.1:{where}"
    assert (error.port, error.offender) == (where, "127.0.0.1")
    assert await sent(socket, "y", receiver.address().port, "127.0.0.1") == (None, 1)
    assert (await events.once(receiver, "message"))[0] == b"y"


async def test_an_error_of_one_destination_fails_no_datagram_to_another(sockets, take):
    where, receiver, socket = await unanswered(sockets)
    errors: list[SystemCallError] = []
    sent: list[Exception | None] = []
    socket.on("error", errors.append)
    for index in range(50):
        socket.send("x", where, "127.0.0.1", lambda error, _: sent.append(error))
        socket.send(b"%d" % index, receiver.address().port, "127.0.0.1")
    assert [int(msg) for msg in await take(receiver, 50)] == list(range(50))
    assert {error.port for error in errors} == {where}
    assert set(sent) == {None}


async def test_what_the_kernel_drops_is_counted(sockets, sent):
    socket = await sockets.bound(recvBufferSize=2304)
    client = await sockets.connected(socket)
    assert socket.getDroppedCount() == 0
    for _ in range(50):
        client.send(bytes(1000))
    await sent(client, bytes(1000))
    while not socket.getDroppedCount():
        await sent(client, b"")  # a busy kernel may take its time
    assert socket.getDroppedCount() <= 51


async def test_unbound_sockets_have_no_count(sockets):
    with pytest.raises(OSError, match="getDroppedCount EBADF"):
        sockets().getDroppedCount()
