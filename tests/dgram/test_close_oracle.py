"""Closing, compared with real Node: when, what is forbidden afterwards, signals."""

from __future__ import annotations

import pytest

from nodenet import abort, dgram, loop


async def test_closing_while_being_bound(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        for event in ("listening", "error", "close"):
            socket.on(event, lambda *args, event=event: t(event, *args))
        socket.bind(0, lambda: t("bound"))
        socket.close(lambda: t("closed"))
        try:
            socket.close()
        except Exception as error:
            t("again", error)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        for (const event of ["listening", "error", "close"])
          socket.on(event, (...args) => t(event, ...args));
        socket.bind(0, () => t("bound"));
        socket.close(() => t("closed"));
        try { socket.close() } catch (error) { t("again", error) }
        """,
        scenario,
    )


async def test_closing_while_the_name_is_looked_up(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        for event in ("listening", "error", "close"):
            socket.on(event, lambda *args, event=event: t(event, *args))
        socket.bind(0, "localhost")
        socket.close()

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        for (const event of ["listening", "error", "close"])
          socket.on(event, (...args) => t(event, ...args));
        socket.bind(0, "localhost");
        socket.close();
        """,
        scenario,
    )


async def test_a_socket_that_was_never_bound_closes_too(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("close", lambda: t("close"))
        t("returned", socket.close() is socket)
        loop.nextTick(t, "tick")

    oracle.compareSync(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("close", () => t("close"));
        t("returned", socket.close() === socket);
        process.nextTick(t, "tick");
        """,
        scenario,
    )


async def test_sending_before_it_is_bound_delays_closing_until_then(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("listening", lambda: t("listening"))
        socket.on("close", lambda: t("close"))
        socket.send("x", 9, "127.0.0.1")
        socket.close(lambda: t("closed"))

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("listening", () => t("listening"));
        socket.on("close", () => t("close"));
        socket.send("x", 9, "127.0.0.1");
        socket.close(() => t("closed"));
        """,
        scenario,
    )


async def test_no_message_of_the_same_batch_follows_a_close(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        @socket.on("message")
        def message(msg, rinfo):
            t("message", msg)
            socket.close()

        socket.on("close", lambda: t("close"))

        def bound():
            for text in ("one", "two", "three"):
                socket.send(text, socket.address().port, "127.0.0.1")

        socket.bind(0, "127.0.0.1", bound)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("message", (msg) => { t("message", msg); socket.close(); });
        socket.on("close", () => t("close"));
        socket.bind(0, "127.0.0.1", () => {
          for (const text of ["one", "two", "three"])
            socket.send(text, socket.address().port, "127.0.0.1");
        });
        """,
        scenario,
    )


CALLS = [
    ("address()", lambda s: s.address()),
    ("remoteAddress()", lambda s: s.remoteAddress()),
    ("disconnect()", lambda s: s.disconnect()),
    ("setMulticastInterface('127.0.0.1')", lambda s: s.setMulticastInterface("127.0.0.1")),
    ("addMembership('224.0.0.114')", lambda s: s.addMembership("224.0.0.114")),
    ("dropMembership('224.0.0.114')", lambda s: s.dropMembership("224.0.0.114")),
    (
        "addSourceSpecificMembership('127.0.0.1', '232.0.0.1')",
        lambda s: s.addSourceSpecificMembership("127.0.0.1", "232.0.0.1"),
    ),
    (
        "dropSourceSpecificMembership('127.0.0.1', '232.0.0.1')",
        lambda s: s.dropSourceSpecificMembership("127.0.0.1", "232.0.0.1"),
    ),
    ("bind(0)", lambda s: s.bind(0)),
    ("connect(9)", lambda s: s.connect(9)),
    ("send('x', 9)", lambda s: s.send("x", 9)),
    ("send('x')", lambda s: s.send("x")),
    (
        "sendto(Buffer.from('x'), 0, 1, 9, '127.0.0.1')",
        lambda s: s.sendto(b"x", 0, 1, 9, "127.0.0.1"),
    ),
    ("close()", lambda s: s.close()),
    ("ref()", lambda s: s.ref()),
    ("unref()", lambda s: s.unref()),
]


@pytest.mark.parametrize(("js", "call"), CALLS, ids=[js for js, _ in CALLS])
async def test_a_closed_socket_refuses(oracle, js, call):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.close()
        try:
            t("returned", call(socket))
        except Exception as error:
            t("refused", error)

    oracle.compareSync(
        f"""
        const socket = dgram.createSocket("udp4");
        socket.close();
        try {{ t("returned", socket.{js}) }} catch (error) {{ t("refused", error) }}
        """,
        scenario,
    )


async def test_aborting_closes(oracle):
    def scenario(t):
        controller = abort.AbortController()
        socket = dgram.createSocket({"type": "udp4", "signal": controller.signal})
        socket.on("close", lambda: t("close"))

        def aborting():
            controller.abort()
            t("aborted")

        socket.bind(0, aborting)

    await oracle.compare(
        """
        const controller = new AbortController();
        const socket = dgram.createSocket({ type: "udp4", signal: controller.signal });
        socket.on("close", () => t("close"));
        socket.bind(0, () => { controller.abort(); t("aborted"); });
        """,
        scenario,
    )


async def test_a_signal_that_is_aborted_already_closes_at_once(oracle):
    def scenario(t):
        controller = abort.AbortController()
        controller.abort()
        socket = dgram.createSocket({"type": "udp4", "signal": controller.signal})
        socket.on("close", lambda: t("close"))
        try:
            socket.bind(0)
        except Exception as error:
            t("refused", error)

    oracle.compareSync(
        """
        const controller = new AbortController();
        controller.abort();
        const socket = dgram.createSocket({ type: "udp4", signal: controller.signal });
        socket.on("close", () => t("close"));
        try { socket.bind(0) } catch (error) { t("refused", error) }
        """,
        scenario,
    )


async def test_aborting_after_closing_does_nothing(oracle):
    def scenario(t):
        controller = abort.AbortController()
        socket = dgram.createSocket({"type": "udp4", "signal": controller.signal})

        @socket.on("close")
        def closed():
            t("close")
            controller.abort()

        socket.close()
        controller.abort()

    oracle.compareSync(
        """
        const controller = new AbortController();
        const socket = dgram.createSocket({ type: "udp4", signal: controller.signal });
        socket.on("close", () => { t("close"); controller.abort(); });
        socket.close();
        controller.abort();
        """,
        scenario,
    )


async def test_disposing_closes_and_waits(oracle):
    async def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("close", lambda: t("close"))
        async with socket:
            socket.bind(0)
            t("inside")
        t("outside")
        async with socket:
            pass
        t("closed already")

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("close", () => t("close"));
        socket.bind(0);
        t("inside");
        await socket[Symbol.asyncDispose]();
        t("outside");
        await socket[Symbol.asyncDispose]();
        t("closed already");
        """,
        scenario,
    )


async def test_a_socket_that_closes_when_it_is_bound_is_open_until_then(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        @socket.on("listening")
        def listening():
            t("address", socket.address().address)
            t("ttl", socket.setTTL(5))

        socket.on("close", lambda: t("close"))
        socket.send("x", 9, "127.0.0.1")
        socket.close()

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("listening", () => {
          t("address", socket.address().address);
          t("ttl", socket.setTTL(5));
        });
        socket.on("close", () => t("close"));
        socket.send("x", 9, "127.0.0.1");
        socket.close();
        """,
        scenario,
    )


async def test_what_was_sent_when_its_look_up_answered_leaves_before_a_tick_that_closes(oracle):
    def scenario(t):
        def lookup(host, family, callback):
            loop.nextTick(callback, None, "127.0.0.1", 4)

        receiver = dgram.createSocket("udp4")
        sender = dgram.createSocket({"type": "udp4", "lookup": lookup})

        @receiver.on("message")
        def message(msg, rinfo):
            t("heard", msg)
            receiver.close()

        def bound():
            port = receiver.address().port
            sender.send("x", port, "name", lambda *result: t("sent", *result))
            loop.nextTick(sender.close)

        receiver.bind(0, "127.0.0.1", lambda: sender.bind(0, "127.0.0.1", bound))

    await oracle.compare(
        """
        const lookup = (host, family, callback) => process.nextTick(callback, null, "127.0.0.1", 4);
        const receiver = dgram.createSocket("udp4");
        const sender = dgram.createSocket({ type: "udp4", lookup });
        receiver.on("message", (msg) => { t("heard", msg); receiver.close(); });
        receiver.bind(0, "127.0.0.1", () => sender.bind(0, "127.0.0.1", () => {
          const { port } = receiver.address();
          sender.send("x", port, "name", (...result) => t("sent", ...result));
          process.nextTick(() => sender.close());
        }));
        """,
        scenario,
    )


async def test_nothing_more_is_heard_of_a_datagram_whose_look_up_outlives_the_socket(oracle):
    def scenario(t):
        held = []
        socket = dgram.createSocket(type="udp4", lookup=lambda host, _, found: held.append(found))
        socket.on("error", lambda error: t("error", error))
        socket.on("listening", lambda: socket.send("x", 9, "name"))
        socket.on("close", lambda: (t("close"), held.pop()(None, "127.0.0.1", 4)))
        socket.bind(0)
        held.pop()(None, "127.0.0.1", 4)
        socket.close()

    await oracle.compare(
        """
        const held = [];
        const lookup = (host, _, found) => held.push(found);
        const socket = dgram.createSocket({ type: "udp4", lookup });
        socket.on("error", (error) => t("error", error));
        socket.on("listening", () => socket.send("x", 9, "name"));
        socket.on("close", () => { t("close"); held.pop()(null, "127.0.0.1", 4); });
        socket.bind(0);
        held.pop()(null, "127.0.0.1", 4);
        socket.close();
        """,
        scenario,
    )
