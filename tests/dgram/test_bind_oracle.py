"""Binding, compared with real Node: order of events, errors, what is refused."""

from __future__ import annotations

import pytest

from nodenet import dgram, loop


async def test_listening_comes_in_a_later_tick_and_the_callback_is_a_listener(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("listening", lambda: t("listening"))
        socket.on("close", lambda: t("close"))
        t("same", socket.bind(0, lambda: t("callback")) is socket)

        def tick():
            t("tick")
            t("same", socket.close(lambda: t("closed")) is socket)
            loop.nextTick(t, "after close")

        loop.nextTick(tick)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("listening", () => t("listening"));
        socket.on("close", () => t("close"));
        t("same", socket.bind(0, () => t("callback")) === socket);
        process.nextTick(() => {
          t("tick");
          t("same", socket.close(() => t("closed")) === socket);
          process.nextTick(t, "after close");
        });
        """,
        scenario,
    )


async def test_binding_twice_is_refused_before_and_after_listening(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.bind(0)

        def again():
            try:
                socket.bind(0)
            except Exception as error:
                t("refused", error)

        again()

        @socket.on("listening")
        def listening():
            again()
            socket.close()

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.bind(0);
        const again = () => { try { socket.bind(0) } catch (error) { t("refused", error) } };
        again();
        socket.on("listening", () => { again(); socket.close(); });
        """,
        scenario,
    )


@pytest.mark.parametrize("address", ["8.8.8.8", "::1", "x.invalid"])
async def test_an_address_that_cannot_be_bound_is_an_error_event(oracle, address):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        @socket.on("error")
        def failed(error):
            t("error", error)
            socket.bind(0, "127.0.0.1")

        socket.bind(0, address, lambda: t("callback"))
        socket.on("listening", lambda: (t("bound again", socket.address().address), socket.close()))

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        socket.on("error", (error) => {{
          t("error", error);
          socket.bind(0, "127.0.0.1");
        }});
        socket.bind(0, "{address}", () => t("callback"));
        socket.on("listening", () => {{
          t("bound again", socket.address().address);
          socket.close();
        }});
        """,
        scenario,
    )


@pytest.mark.parametrize(
    ("js", "python"),
    [
        ("'x'", "x"),
        ("NaN", float("nan")),
        ("null", None),
        ("65536", 65536),
        ("{}", {}),
        ("''", ""),
        ("-65536", -65536),
    ],
)
async def test_a_port_that_makes_no_sense_is_a_free_one(oracle, js, python):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        @socket.on("listening")
        def listening():
            t("bound", socket.address().port > 0)
            socket.close()

        socket.bind(python)

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        socket.on("listening", () => {{ t("bound", socket.address().port > 0); socket.close(); }});
        socket.bind({js});
        """,
        scenario,
    )


@pytest.mark.parametrize(
    ("js", "python"),
    [
        ("{}", {}),
        ("{ port: 0, address: '127.0.0.1' }", {"port": 0, "address": "127.0.0.1"}),
        ("{ address: 'localhost' }", {"address": "localhost"}),
        ("{ exclusive: 'x' }", {"exclusive": "x"}),
        ("{ fd: 0 }", {"fd": 0}),
        ("{ fd: -1 }", {"fd": -1}),
        ("{ fd: 'x' }", {"fd": "x"}),
        ("{ fd: 9999 }", {"fd": 9999}),
        ("{ address: 5 }", {"address": 5}),
        ("{ address: true }", {"address": True}),
        ("{ address: NaN }", {"address": float("nan")}),
        ("{ address: [] }", {"address": []}),
        ("{ address: Buffer.from('') }", {"address": b""}),
        ("{ address: () => 1 }", {"address": lambda: 1}),
    ],
)
async def test_bind_takes_options(oracle, js, python):
    def scenario(t):
        socket = dgram.createSocket("udp4")

        @socket.on("listening")
        def listening():
            t("bound", socket.address()._replace(port=0))
            socket.close()

        try:
            socket.bind(python, lambda: t("callback"))
        except Exception as error:
            t("refused", error)

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        socket.on("listening", () => {{
          t("bound", {{ ...socket.address(), port: 0 }});
          socket.close();
        }});
        try {{ socket.bind({js}, () => t("callback")) }} catch (error) {{ t("refused", error) }}
        """,
        scenario,
    )


@pytest.mark.parametrize("file", ["/dev/null", "setup.cfg"])
async def test_a_descriptor_of_something_else_is_refused(oracle, file):
    def scenario(t):
        with open(file) as opened:
            try:
                dgram.createSocket("udp4").bind(fd=opened.fileno())
            except Exception as error:
                t("refused", error)

    await oracle.compare(
        f"""
        const fd = fs.openSync("{file}");
        try {{ dgram.createSocket("udp4").bind({{ fd }}) }} catch (error) {{ t("refused", error) }}
        """,
        scenario,
    )


async def test_a_lookup_function_is_asked_for_every_address(oracle):
    def scenario(t):
        def lookup(host, family, callback):
            t("lookup", host, family, callback)
            callback(None, "127.0.0.1", 4)

        socket = dgram.createSocket(type="udp4", lookup=lookup)

        @socket.on("listening")
        def listening():
            t("listening", socket.address().address)
            port = socket.address().port
            socket.send("x", port, "two", lambda *a: t("sent", *a))
            socket.send("x", port, lambda *a: t("sent", *a))
            socket.send("x", port, "127.0.0.1", lambda *a: (t("sent", *a), socket.close()))

        socket.bind(0, "one")

    await oracle.compare(
        """
        const lookup = (host, family, callback) => {
          t("lookup", host, family, callback);
          callback(null, "127.0.0.1", 4);
        };
        const socket = dgram.createSocket({ type: "udp4", lookup });
        socket.on("listening", () => {
          t("listening", socket.address().address);
          const { port } = socket.address();
          socket.send("x", port, "two", (...a) => t("sent", ...a));
          socket.send("x", port, (...a) => t("sent", ...a));
          socket.send("x", port, "127.0.0.1", (...a) => { t("sent", ...a); socket.close(); });
        });
        socket.bind(0, "one");
        """,
        scenario,
    )


@pytest.mark.parametrize("address", ["ff02::114%lo", "::1%lo", "::%lo"])
async def test_only_a_link_local_address_is_shown_with_its_zone(oracle, address):
    def scenario(t):
        socket = dgram.createSocket("udp6")

        @socket.on("listening")
        def listening():
            t("bound", socket.address()._replace(port=0))
            socket.connect(9, address, connected)

        def connected(*error):
            t("connected", *error)
            if not error:
                t("peer", socket.remoteAddress())
            socket.close()

        socket.bind(0, address)

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp6");
        socket.on("listening", () => {{
          t("bound", {{ ...socket.address(), port: 0 }});
          socket.connect(9, "{address}", (...error) => {{
            t("connected", ...error);
            if (!error.length) t("peer", socket.remoteAddress());
            socket.close();
          }});
        }});
        socket.bind(0, "{address}");
        """,
        scenario,
    )
