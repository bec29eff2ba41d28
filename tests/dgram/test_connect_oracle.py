"""Connecting, disconnecting and what the network says to it, compared with real Node."""

from __future__ import annotations

import pytest

from nodenet import dgram, loop


async def test_the_order_of_connecting(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("listening", lambda: t("listening"))
        socket.on("connect", lambda: t("connect"))

        def attempt(label, call, *args):
            try:
                t(label, call(*args))
            except Exception as error:
                t(label, error)

        def callback():
            attempt("again", socket.connect, 9)
            t("local", socket.address().address)
            t("peer", socket.remoteAddress())
            attempt("disconnect", socket.disconnect)
            attempt("disconnect", socket.disconnect)
            attempt("peer", socket.remoteAddress)
            t("local", socket.address().address)
            socket.close()

        attempt("connect", socket.connect, 9, callback)
        loop.nextTick(t, "tick")
        attempt("again", socket.connect, 9)
        attempt("disconnect", socket.disconnect)
        attempt("peer", socket.remoteAddress)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("listening", () => t("listening"));
        socket.on("connect", () => t("connect"));
        const attempt = (label, call) => {
          try { t(label, call()) } catch (error) { t(label, error) }
        };
        attempt("connect", () => socket.connect(9, () => {
          attempt("again", () => socket.connect(9));
          t("local", socket.address().address);
          t("peer", socket.remoteAddress());
          attempt("disconnect", () => socket.disconnect());
          attempt("disconnect", () => socket.disconnect());
          attempt("peer", () => socket.remoteAddress());
          t("local", socket.address().address);
          socket.close();
        }));
        process.nextTick(t, "tick");
        attempt("again", () => socket.connect(9));
        attempt("disconnect", () => socket.disconnect());
        attempt("peer", () => socket.remoteAddress());
        """,
        scenario,
    )


PORTS = [
    ("0", 0),
    ("-1", -1),
    ("65536", 65536),
    ("'x'", "x"),
    ("'9'", "9"),
    ("null", None),
    ("1.5", 1.5),
    ("true", True),
    ("{}", {}),
    ("() => 1", lambda: 1),
]


@pytest.mark.parametrize(("js", "port"), PORTS, ids=[js for js, _ in PORTS])
async def test_a_port_to_connect_to(oracle, js, port):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        try:
            socket.connect(port, lambda *result: (t("connected", *result), socket.close()))
        except Exception as error:
            t("refused", error)
            socket.close()

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        try {{
          socket.connect({js}, (...result) => {{ t("connected", ...result); socket.close(); }});
        }} catch (error) {{ t("refused", error); socket.close(); }}
        """,
        scenario,
    )


ADDRESSES = [
    ("5", 5),
    ("''", ""),
    ("{}", {}),
    ("true", True),
    ("'x.invalid'", "x.invalid"),
    ("'::1'", "::1"),
    ("'255.255.255.255'", "255.255.255.255"),
    ("'localhost'", "localhost"),
]


@pytest.mark.parametrize("callback", [True, False])
@pytest.mark.parametrize(("js", "address"), ADDRESSES, ids=[js for js, _ in ADDRESSES])
async def test_an_address_to_connect_to(oracle, js, address, callback):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("error", lambda error: (t("error", error), socket.close()))

        def called(*result):
            t("callback", *result)
            t("listeners", socket.listenerCount("connect"))
            socket.close()

        try:
            socket.connect(9, address, *([called] if callback else []))
        except Exception as error:
            t("refused", error)
            socket.close()
        if not callback:
            socket.on("connect", lambda: (t("connect"), socket.close()))

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        socket.on("error", (error) => {{ t("error", error); socket.close(); }});
        const called = (...result) => {{
          t("callback", ...result);
          t("listeners", socket.listenerCount("connect"));
          socket.close();
        }};
        try {{ socket.connect(9, {js}{", called" if callback else ""}) }}
        catch (error) {{ t("refused", error); socket.close(); }}
        if ({str(not callback).lower()})
          socket.on("connect", () => {{ t("connect"); socket.close(); }});
        """,
        scenario,
    )


async def test_a_socket_can_connect_again_after_a_failure_and_after_disconnecting(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        def failed(error):
            t("failed", error)
            socket.connect(9, "127.0.0.1", first)

        def first():
            t("peer", socket.remoteAddress())
            socket.disconnect()
            socket.connect(10, "127.0.0.1", second)

        def second():
            t("peer", socket.remoteAddress())
            socket.close()

        socket.connect(9, "x.invalid", failed)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.connect(9, "x.invalid", (error) => {
          t("failed", error);
          socket.connect(9, "127.0.0.1", () => {
            t("peer", socket.remoteAddress());
            socket.disconnect();
            socket.connect(10, "127.0.0.1", () => {
              t("peer", socket.remoteAddress());
              socket.close();
            });
          });
        });
        """,
        scenario,
    )


async def test_closing_while_connecting_is_the_end_of_it(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        for event in ("listening", "connect", "error", "close"):
            socket.on(event, lambda *args, event=event: t(event, *args))
        socket.connect(9, lambda *result: t("callback", *result))
        loop.nextTick(socket.close)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        for (const event of ["listening", "connect", "error", "close"])
          socket.on(event, (...args) => t(event, ...args));
        socket.connect(9, (...result) => t("callback", ...result));
        process.nextTick(() => socket.close());
        """,
        scenario,
    )


@pytest.mark.parametrize(
    ("js", "callback"), [("'x'", "x"), ("5", 5), ("{}", {}), ("0", 0), ("''", "")]
)
async def test_a_callback_that_is_none(oracle, js, callback):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("connect", lambda: (t("connect"), socket.close()))

        @socket.on("listening")
        def listening():
            try:
                socket.connect(9, "127.0.0.1", callback)
            except Exception as error:
                t("refused", error)
                socket.close()

        socket.bind(0)

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        socket.on("connect", () => {{ t("connect"); socket.close(); }});
        socket.on("listening", () => {{
          try {{ socket.connect(9, "127.0.0.1", {js}) }}
          catch (error) {{ t("refused", error); socket.close(); }}
        }});
        socket.bind(0);
        """,
        scenario,
    )


async def test_sending_to_an_address_while_connecting_comes_too_late(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        def bound():
            # known from then on
            socket.send("x", 9, "127.0.0.1", lambda *result: (t("before", *result), connect()))

        def connect():
            socket.connect(9, "127.0.0.1", lambda: t("connected"))
            socket.send("x", 9, "127.0.0.1", lambda *result: t("sent", *result))
            socket.send("x", 9, "::1", lambda *result: (t("sent", *result), socket.close()))

        socket.bind(0, bound)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.bind(0, () => {
          socket.send("x", 9, "127.0.0.1", (...result) => {
            t("before", ...result);
            socket.connect(9, "127.0.0.1", () => t("connected"));
            socket.send("x", 9, "127.0.0.1", (...result) => t("sent", ...result));
            socket.send("x", 9, "::1", (...result) => { t("sent", ...result); socket.close(); });
          });
        });
        """,
        scenario,
    )


async def test_disconnecting_a_closed_socket_is_refused(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        def connected():
            socket.close()
            try:
                socket.send("x", 9)
            except Exception as error:
                t("refused", error)

        socket.connect(9, "127.0.0.1", connected)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.connect(9, "127.0.0.1", () => {
          socket.close();
          try { socket.send("x", 9) } catch (error) { t("refused", error) }
        });
        """,
        scenario,
    )
