"""Messages, compared with real Node: what listeners get, and in which order things happen."""

from __future__ import annotations

import pytest
from machine import NEEDS_IPV6

from nodenet import dgram, loop
from nodenet.addresses import BlockList

SIZES = [0, 1, 1200, 8193, 65_507]
SIX = [pytest.param("udp6", size, marks=NEEDS_IPV6) for size in (*SIZES, 65_527)]
CASES = [*(("udp4", size) for size in SIZES), *SIX]


HEARS_ITSELF = """
const hearsItself = (socket, texts) => socket.bind(0, "127.0.0.1", () => {
  for (const text of texts) socket.send(text, socket.address().port, "127.0.0.1");
});
"""


def hears_itself(socket, texts):
    """Have a socket send each character to itself, once it is bound."""

    def bound():
        for text in texts:
            socket.send(text, socket.address().port, "127.0.0.1")

    socket.bind(0, "127.0.0.1", bound)


@pytest.mark.parametrize(("type", "size"), CASES)
async def test_a_message_says_who_sent_it_and_how_long_it_is(oracle, type, size):
    address = "127.0.0.1" if type == "udp4" else "::1"

    def scenario(t):
        socket = dgram.createSocket(type)

        @socket.on("message")
        def message(msg, rinfo):
            t("message", len(msg), msg[:3], rinfo._replace(port=0))
            t("port", rinfo.port == socket.address().port)
            socket.close()

        socket.bind(0, address, lambda: socket.send(b"x" * size, socket.address().port, address))

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("{type}");
        socket.on("message", (msg, rinfo) => {{
          t("message", msg.length, msg.subarray(0, 3), {{ ...rinfo, port: 0 }});
          t("port", rinfo.port === socket.address().port);
          socket.close();
        }});
        socket.bind(0, "{address}", () =>
          socket.send(Buffer.alloc({size}, "x"), socket.address().port, "{address}"));
        """,
        scenario,
    )


async def test_the_listener_of_createSocket_is_one_of_message(oracle):
    def scenario(t):
        def message(msg, rinfo):
            t("message", msg)
            socket.close()

        socket = dgram.createSocket("udp4", message)
        socket.bind(0, "127.0.0.1", lambda: socket.send("x", socket.address().port))

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4", (msg) => { t("message", msg); socket.close(); });
        socket.bind(0, "127.0.0.1", () => socket.send("x", socket.address().port));
        """,
        scenario,
    )


async def test_ipv4_on_a_dual_stack_socket_is_mapped_and_can_be_answered(oracle):
    def scenario(t):
        server, client = dgram.createSocket("udp6"), dgram.createSocket("udp4")

        @server.on("message")
        def message(msg, rinfo):
            t("server", msg, rinfo._replace(port=0))
            server.send("answer", rinfo.port, rinfo.address, lambda *result: t("sent", *result))

        @client.on("message")
        def answer(msg, rinfo):
            t("client", msg, rinfo._replace(port=0))
            server.close()
            client.close()

        server.bind(0, lambda: client.send("question", server.address().port, "127.0.0.1"))

    await oracle.compare(
        """
        const server = dgram.createSocket("udp6"), client = dgram.createSocket("udp4");
        server.on("message", (msg, rinfo) => {
          t("server", msg, { ...rinfo, port: 0 });
          server.send("answer", rinfo.port, rinfo.address, (...result) => t("sent", ...result));
        });
        client.on("message", (msg, rinfo) => {
          t("client", msg, { ...rinfo, port: 0 });
          server.close();
          client.close();
        });
        server.bind(0, () => client.send("question", server.address().port, "127.0.0.1"));
        """,
        scenario,
    )


async def test_ticks_and_microtasks_run_between_messages(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        @socket.on("message")
        def message(msg, rinfo):
            t("message", msg)
            loop.nextTick(t, "tick")
            loop.queueMicrotask(t, "microtask")
            if msg == b"3":
                socket.close()

        hears_itself(socket, "123")

    await oracle.compare(
        HEARS_ITSELF
        + """
        const socket = dgram.createSocket("udp4");
        socket.on("message", (msg) => {
          t("message", msg);
          process.nextTick(t, "tick");
          queueMicrotask(() => t("microtask"));
          if (msg.toString() === "3") socket.close();
        });
        hearsItself(socket, "123");
        """,
        scenario,
    )


async def test_a_listener_that_raises_costs_only_its_own_message(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        @socket.on("message")
        def message(msg, rinfo):
            t("message", msg)
            if msg == b"3":
                socket.close()
            raise RuntimeError(f"boom {msg.decode()}")

        hears_itself(socket, "123")

    await oracle.compare(
        HEARS_ITSELF
        + """
        const socket = dgram.createSocket("udp4");
        socket.on("message", (msg) => {
          t("message", msg);
          if (msg.toString() === "3") socket.close();
          throw new Error(`boom ${msg}`);
        });
        hearsItself(socket, "123");
        """,
        scenario,
    )


async def test_listeners_come_and_go_between_messages_of_a_batch(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.once("message", lambda msg, rinfo: t("once", msg))

        def second(msg, rinfo):
            t("second", msg)
            if msg == b"2":
                socket.off("message", second)
                socket.on("message", third)

        def third(msg, rinfo):
            t("third", msg)
            if msg == b"4":
                socket.close()

        socket.on("message", second)

        hears_itself(socket, "1234")

    await oracle.compare(
        HEARS_ITSELF
        + """
        const socket = dgram.createSocket("udp4");
        socket.once("message", (msg) => t("once", msg));
        const second = (msg) => {
          t("second", msg);
          if (msg.toString() !== "2") return;
          socket.off("message", second);
          socket.on("message", third);
        };
        const third = (msg) => {
          t("third", msg);
          if (msg.toString() === "4") socket.close();
        };
        socket.on("message", second);
        hearsItself(socket, "1234");
        """,
        scenario,
    )


async def test_blocked_senders_are_not_heard(oracle):
    def scenario(t):
        blocked = BlockList()
        blocked.addAddress("127.0.0.2")
        socket = dgram.createSocket(type="udp4", receiveBlockList=blocked)
        bad, good = dgram.createSocket("udp4"), dgram.createSocket("udp4")

        @socket.on("message")
        def message(msg, rinfo):
            t("message", msg, rinfo.address)
            for one in (socket, bad, good):
                one.close()

        def send(*_):
            port = socket.address().port
            bad.send("bad", port, "127.0.0.1", lambda *_: good.send("good", port, "127.0.0.1"))

        socket.bind(0, "127.0.0.1", lambda: bad.bind(0, "127.0.0.2", send))

    await oracle.compare(
        """
        const blocked = new net.BlockList();
        blocked.addAddress("127.0.0.2");
        const socket = dgram.createSocket({ type: "udp4", receiveBlockList: blocked });
        const bad = dgram.createSocket("udp4"), good = dgram.createSocket("udp4");
        socket.on("message", (msg, rinfo) => {
          t("message", msg, rinfo.address);
          for (const one of [socket, bad, good]) one.close();
        });
        socket.bind(0, "127.0.0.1", () => bad.bind(0, "127.0.0.2", () => {
          const { port } = socket.address();
          bad.send("bad", port, "127.0.0.1", () => good.send("good", port, "127.0.0.1"));
        }));
        """,
        scenario,
    )
