"""The forms of `send` and `sendto`, compared with real Node: what is taken, what is refused."""

from __future__ import annotations

import array

import pytest

from nodenet import dgram

CALLBACK = object()
FORMS = [
    ("'x'", ("x",)),
    ("'x', 9", ("x", 9)),
    ("'x', 9, callback", ("x", 9, CALLBACK)),
    ("'x', 9, '127.0.0.1', callback", ("x", 9, "127.0.0.1", CALLBACK)),
    ("'xyz', 0, 1, 9, callback", ("xyz", 0, 1, 9, CALLBACK)),
    ("b('xyz'), 1, 2, 9, '127.0.0.1', callback", (b"xyz", 1, 2, 9, "127.0.0.1", CALLBACK)),
    ("b('xyz'), 1, 1, 9, callback", (b"xyz", 1, 1, 9, CALLBACK)),
    ("b('xyz'), 5, 1, 9", (b"xyz", 5, 1, 9)),
    ("b('xyz'), 1, 5, 9", (b"xyz", 1, 5, 9)),
    ("b('xyz'), -1, 1, 9", (b"xyz", -1, 1, 9)),
    ("b('xyz'), 0, -1, 9", (b"xyz", 0, -1, 9)),
    ("b('xyz'), '1', '1', 9, '127.0.0.1', callback", (b"xyz", "1", "1", 9, "127.0.0.1", CALLBACK)),
    ("b('xyz'), 0.5, 1.5, 9, '127.0.0.1', callback", (b"xyz", 0.5, 1.5, 9, "127.0.0.1", CALLBACK)),
    ("['a'], 0, 1, 9", (["a"], 0, 1, 9)),
    ("['a', 'bc', b('d')], 9, callback", (["a", "bc", b"d"], 9, CALLBACK)),
    ("['a', 5], 9", (["a", 5], 9)),
    ("[], 9, callback", ([], 9, CALLBACK)),
    ("'', 9, callback", ("", 9, CALLBACK)),
    ("'é€', 9, callback", ("é€", 9, CALLBACK)),
    ("5, 9", (5, 9)),
    ("null, 9", (None, 9)),
    ("{}, 9", ({}, 9)),
    ("", (None,)),
    ("new DataView(new ArrayBuffer(3)), 9, callback", (memoryview(bytes(3)), 9, CALLBACK)),
    ("new Uint16Array(3), 9, callback", (array.array("H", [0, 0, 0]), 9, CALLBACK)),
    ("'x', 0", ("x", 0)),
    ("'x', -1", ("x", -1)),
    ("'x', 65536", ("x", 65536)),
    ("'x', 1.5", ("x", 1.5)),
    ("'x', 'x'", ("x", "x")),
    ("'x', '9', callback", ("x", "9", CALLBACK)),
    ("'x', null", ("x", None)),
    ("'x', true", ("x", True)),
    ("'x', callback", ("x", CALLBACK)),
    ("'x', undefined, '127.0.0.1'", ("x", None, "127.0.0.1")),
    ("'x', 9, 5", ("x", 9, 5)),
    ("'x', 9, {}", ("x", 9, {})),
    ("'x', 9, null, callback", ("x", 9, None, CALLBACK)),
    ("'x', 9, '', callback", ("x", 9, "", CALLBACK)),
    ("'x', 9, 'x.invalid', callback", ("x", 9, "x.invalid", CALLBACK)),
    ("'x', 9, 'localhost', callback", ("x", 9, "localhost", CALLBACK)),
    ("'x', 9, '::1', callback", ("x", 9, "::1", CALLBACK)),
    ("'x', 9, '255.255.255.255', callback", ("x", 9, "255.255.255.255", CALLBACK)),
    ("'x', 9, '127.0.0.1', 'callback'", ("x", 9, "127.0.0.1", "callback")),
    ("Buffer.alloc(65507), 9, '127.0.0.1', callback", (bytes(65507), 9, "127.0.0.1", CALLBACK)),
    ("Buffer.alloc(65508), 9, '127.0.0.1', callback", (bytes(65508), 9, "127.0.0.1", CALLBACK)),
]


def arguments(form, callback):
    return [callback if one is CALLBACK else one for one in form]


@pytest.mark.parametrize(("js", "form"), FORMS, ids=[js for js, _ in FORMS])
async def test_a_form_of_send(oracle, js, form):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("listening", lambda: t("listening"))

        def callback(*result):
            t("sent", *result)
            socket.close()

        try:
            socket.send(*arguments(form, callback))
            t("accepted")
        except Exception as error:
            t("refused", error)
            socket.close()
        else:
            if CALLBACK not in form:
                socket.send("last", 9, "127.0.0.1", lambda *_: socket.close())

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4"), b = Buffer.from;
        socket.on("listening", () => t("listening"));
        const callback = (...result) => {{ t("sent", ...result); socket.close(); }};
        try {{
          socket.send({js});
          t("accepted");
          if ({str(CALLBACK not in form).lower()})
            socket.send("last", 9, "127.0.0.1", () => socket.close());
        }} catch (error) {{ t("refused", error); socket.close(); }}
        """,
        scenario,
    )


async def test_a_name_that_is_not_found_is_an_error_event_without_a_callback(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        socket.on("error", lambda error: (t("error", error), socket.close()))
        socket.send("x", 9, "x.invalid")

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        socket.on("error", (error) => { t("error", error); socket.close(); });
        socket.send("x", 9, "x.invalid");
        """,
        scenario,
    )


CONNECTED = [
    ("'x'", ("x",)),
    ("'x', callback", ("x", CALLBACK)),
    ("'x', 9, callback", ("x", 9, CALLBACK)),
    ("'x', 0, 1, callback", ("x", 0, 1, CALLBACK)),
    ("b('xyz'), 1, 2, callback", (b"xyz", 1, 2, CALLBACK)),
    ("b('xyz'), 1, 5, callback", (b"xyz", 1, 5, CALLBACK)),
    ("['a', 'b'], callback", (["a", "b"], CALLBACK)),
    ("5, callback", (5, CALLBACK)),
    ("'x', 9, '127.0.0.1', callback", ("x", 9, "127.0.0.1", CALLBACK)),
    ("b('xyz'), 0, 1, 9, '127.0.0.1', callback", (b"xyz", 0, 1, 9, "127.0.0.1", CALLBACK)),
    ("b('xyz'), 0, 1, 9, callback", (b"xyz", 0, 1, 9, CALLBACK)),
    ("'x', undefined, undefined, undefined, '127.0.0.1'", ("x", None, None, None, "127.0.0.1")),
]


@pytest.mark.parametrize(("js", "form"), CONNECTED, ids=[js for js, _ in CONNECTED])
async def test_a_form_of_send_on_a_connected_socket(oracle, js, form):
    def scenario(t):
        peer, socket = dgram.createSocket("udp4"), dgram.createSocket("udp4")
        peer.on("message", lambda msg, rinfo: t("heard", msg))

        @peer.on("message")
        def message(msg, rinfo):
            if msg == b"last":
                peer.close()
                socket.close()

        def connected():
            try:
                socket.send(*arguments(form, lambda *result: t("sent", *result)))
                t("accepted")
            except Exception as error:
                t("refused", error)
            socket.send("last")

        peer.bind(0, "127.0.0.1", lambda: socket.connect(peer.address().port, connected))

    await oracle.compare(
        f"""
        const peer = dgram.createSocket("udp4"), socket = dgram.createSocket("udp4");
        const b = Buffer.from;
        peer.on("message", (msg) => t("heard", msg));
        peer.on("message", (msg) => {{
          if (msg.toString() === "last") {{ peer.close(); socket.close(); }}
        }});
        const callback = (...result) => t("sent", ...result);
        peer.bind(0, "127.0.0.1", () => socket.connect(peer.address().port, () => {{
          try {{ socket.send({js}); t("accepted"); }} catch (error) {{ t("refused", error) }}
          socket.send("last");
        }}));
        """,
        scenario,
    )


SENDTO = [
    ("", (None, None, None, None, None)),
    ("b('abc'), 0", (b"abc", 0, None, None, None)),
    ("b('abc'), '0', 1, 9, '127.0.0.1'", (b"abc", "0", 1, 9, "127.0.0.1")),
    ("b('abc'), 0, '1', 9, '127.0.0.1'", (b"abc", 0, "1", 9, "127.0.0.1")),
    ("b('abc'), 0, 1, '9', '127.0.0.1'", (b"abc", 0, 1, "9", "127.0.0.1")),
    ("b('abc'), 0, 1, 9", (b"abc", 0, 1, 9, None)),
    ("b('abc'), 0, 1, 9, 5", (b"abc", 0, 1, 9, 5)),
    ("b('abc'), 1, 2, 9, '127.0.0.1', callback", (b"abc", 1, 2, 9, "127.0.0.1", CALLBACK)),
]


@pytest.mark.parametrize(("js", "form"), SENDTO, ids=[js for js, _ in SENDTO])
async def test_sendto_wants_every_argument(oracle, js, form):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        try:
            socket.sendto(*arguments(form, lambda *result: (t("sent", *result), socket.close())))
        except Exception as error:
            t("refused", error)
            socket.close()

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4"), b = Buffer.from;
        const callback = (...result) => {{ t("sent", ...result); socket.close(); }};
        try {{ socket.sendto({js}) }} catch (error) {{ t("refused", error); socket.close(); }}
        """,
        scenario,
    )
