"""Sending, compared with real Node: what comes back, and in which order.

Where ours goes beyond Node (an error without a callback is emitted, a closed socket's callbacks are
called), the test of it is in `test_send.py`.
"""

from __future__ import annotations

from nodenet import dgram, loop
from nodenet.addresses import BlockList

PORT = 9  # nobody listens there


async def test_callbacks_come_in_order_behind_what_was_queued_before(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        def last(*result):
            t("three", *result)
            socket.close()

        def listening():
            socket.send("a", PORT, "127.0.0.1", lambda *result: t("one", *result))
            loop.nextTick(t, "tick")
            socket.send("b", PORT, "255.255.255.255", lambda *result: t("two", *result))
            socket.send("c", PORT, "127.0.0.1", last)
            loop.nextTick(loop.nextTick, t, "tick of a tick")

        socket.bind(0, listening)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.bind(0, () => {
          socket.send("a", 9, "127.0.0.1", (...result) => t("one", ...result));
          process.nextTick(t, "tick");
          socket.send("b", 9, "255.255.255.255", (...result) => t("two", ...result));
          socket.send("c", 9, "127.0.0.1", (...result) => {
            t("three", ...result);
            socket.close();
          });
          process.nextTick(process.nextTick, t, "tick of a tick");
        });
        """,
        scenario,
    )


async def test_what_is_sent_before_binding_leaves_in_order_when_it_is_bound(oracle):
    def scenario(t):
        receiver, sender = dgram.createSocket("udp4"), dgram.createSocket("udp4")
        heard = []

        @receiver.on("message")
        def message(msg, rinfo):
            heard.append(msg)
            if len(heard) == 4:
                t("heard", heard)
                receiver.close()
                sender.close()

        def bound():
            port = receiver.address().port
            for text in "ab":
                sender.send(text, port, "127.0.0.1", lambda *result: t("sent", *result))
            sender.on("listening", lambda: sender.send("c", port, "127.0.0.1"))
            sender.send("d", port, "127.0.0.1")

        receiver.bind(0, "127.0.0.1", bound)

    await oracle.compare(
        """
        const receiver = dgram.createSocket("udp4"), sender = dgram.createSocket("udp4");
        const heard = [];
        receiver.on("message", (msg) => {
          heard.push(msg);
          if (heard.length === 4) { t("heard", heard); receiver.close(); sender.close(); }
        });
        receiver.bind(0, "127.0.0.1", () => {
          const { port } = receiver.address();
          for (const text of "ab")
            sender.send(text, port, "127.0.0.1", (...result) => t("sent", ...result));
          sender.on("listening", () => sender.send("c", port, "127.0.0.1"));
          sender.send("d", port, "127.0.0.1");
        });
        """,
        scenario,
    )


async def test_a_callback_that_raises_does_not_stop_the_others(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        def fail(*result):
            raise RuntimeError("boom")

        def listening():
            socket.send("a", PORT, "127.0.0.1", fail)
            socket.send("b", PORT, "127.0.0.1", lambda *a: (t("sent", *a), socket.close()))

        socket.bind(0, listening)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.bind(0, () => {
          socket.send("a", 9, "127.0.0.1", () => { throw new Error("boom") });
          socket.send("b", 9, "127.0.0.1", (...a) => { t("sent", ...a); socket.close(); });
        });
        """,
        scenario,
    )


async def test_a_blocked_destination_is_an_error_of_the_callback(oracle):

    def scenario(t):
        blocked = BlockList()
        blocked.addAddress("127.0.0.1")
        socket = dgram.createSocket(type="udp4", sendBlockList=blocked)

        def connected(*result):
            t("connected", *result)
            socket.close()

        def sent(*result):
            t("sent", *result)
            socket.connect(PORT, "127.0.0.1", connected)

        socket.send("x", PORT, "127.0.0.1", sent)

    await oracle.compare(
        """
        const blocked = new net.BlockList();
        blocked.addAddress("127.0.0.1");
        const socket = dgram.createSocket({ type: "udp4", sendBlockList: blocked });
        socket.send("x", 9, "127.0.0.1", (...result) => {
          t("sent", ...result);
          socket.connect(9, "127.0.0.1", (...result) => {
            t("connected", ...result);
            socket.close();
          });
        });
        """,
        scenario,
    )


async def test_what_waits_for_binding_has_its_turn_among_the_listeners(oracle):
    def scenario(t):
        heard = []
        receiver, sender = dgram.createSocket("udp4"), dgram.createSocket("udp4")

        @receiver.on("message")
        def message(msg, rinfo):
            heard.append(msg)
            if len(heard) == 3:
                t("heard", heard)
                receiver.close()
                sender.close()

        def bound():
            port = receiver.address().port
            sender.on("listening", lambda: sender.send("before", port, "127.0.0.1"))
            sender.send("waits", port, "127.0.0.1")
            sender.on("listening", lambda: sender.send("behind", port, "127.0.0.1"))

        receiver.bind(0, "127.0.0.1", bound)

    await oracle.compare(
        """
        const receiver = dgram.createSocket("udp4"), sender = dgram.createSocket("udp4");
        const heard = [];
        receiver.on("message", (msg) => {
          heard.push(msg);
          if (heard.length === 3) { t("heard", heard); receiver.close(); sender.close(); }
        });
        receiver.bind(0, "127.0.0.1", () => {
          const { port } = receiver.address();
          sender.on("listening", () => sender.send("before", port, "127.0.0.1"));
          sender.send("waits", port, "127.0.0.1");
          sender.on("listening", () => sender.send("behind", port, "127.0.0.1"));
        });
        """,
        scenario,
    )


async def test_a_look_up_that_answers_at_once_binds_at_once(oracle):
    def scenario(t):
        def lookup(host, family, callback):
            t("lookup", host)
            callback(None, host, 4)

        socket = dgram.createSocket(type="udp4", lookup=lookup)
        socket.on("listening", lambda: t("listening"))
        socket.send("x", 9, "127.0.0.1", lambda *result: (t("sent", *result), connect()))
        t("sending")

        def connect():
            other = dgram.createSocket(type="udp4", lookup=lookup)
            other.connect(9, "127.0.0.1", lambda: (t("connected"), other.close()))
            socket.close()

    await oracle.compare(
        """
        const lookup = (host, family, callback) => { t("lookup", host); callback(null, host, 4); };
        const socket = dgram.createSocket({ type: "udp4", lookup });
        socket.on("listening", () => t("listening"));
        socket.send("x", 9, "127.0.0.1", (...result) => {
          t("sent", ...result);
          const other = dgram.createSocket({ type: "udp4", lookup });
          other.connect(9, "127.0.0.1", () => { t("connected"); other.close(); });
          socket.close();
        });
        t("sending");
        """,
        scenario,
    )


async def test_the_callbacks_of_what_cannot_be_sent_keep_their_place(oracle):
    places = ["127.0.0.1", "::1", "127.0.0.1", "127.0.0.1", "::1", "::1", "127.0.0.1"]

    def scenario(t):
        socket = dgram.createSocket("udp4")

        def listening():
            for index, place in enumerate(places):
                socket.send("x", 9, place, lambda *result, index=index: t("sent", index, *result))
            socket.send("x", 9, "127.0.0.1", lambda *result: socket.close())

        socket.bind(0, listening)

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        socket.bind(0, () => {{
          {places}.forEach((place, index) =>
            socket.send("x", 9, place, (...result) => t("sent", index, ...result)));
          socket.send("x", 9, "127.0.0.1", () => socket.close());
        }});
        """,
        scenario,
    )
