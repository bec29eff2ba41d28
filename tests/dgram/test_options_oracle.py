"""`createSocket` and its options, compared with real Node."""

from __future__ import annotations

import pytest

from nodenet import dgram

TYPES: list[tuple[str, tuple[object, ...]]] = [
    ("", ()),
    ("null", (None,)),
    ("'tcp'", ("tcp",)),
    ("{}", ({},)),
    ("5", (5,)),
    ("{ type: {} }", ({"type": {}},)),
    ("'udp4'", ("udp4",)),
    ("'udp6'", ("udp6",)),
    ("{ type: 'udp4' }", ({"type": "udp4"},)),
    ("'udp4', 'x'", ("udp4", "x")),
]


@pytest.mark.parametrize(("js", "args"), TYPES, ids=[js for js, _ in TYPES])
async def test_a_type(oracle, js, args):
    def scenario(t):
        try:
            socket = dgram.createSocket(*args)
            t("made", socket.type, socket.listenerCount("message"))
        except Exception as error:
            t("refused", error)

    oracle.compareSync(
        f"""
        try {{
          const socket = dgram.createSocket({js});
          t("made", socket.type, socket.listenerCount("message"));
        }} catch (error) {{ t("refused", error) }}
        """,
        scenario,
    )


VALUES = [
    ("'x'", "x"),
    ("-1", -1),
    ("1.5", 1.5),
    ("0", 0),
    ("5000", 5000),
    ("{}", {}),
    ("true", True),
    ("1e10", 10**10),
    ("undefined", None),
]
OPTIONS = [
    "reuseAddr",
    "reusePort",
    "ipv6Only",
    "recvBufferSize",
    "sendBufferSize",
    "lookup",
    "signal",
    "receiveBlockList",
    "sendBlockList",
]


@pytest.mark.parametrize("option", OPTIONS)
async def test_the_values_of_an_option(oracle, option):
    def scenario(t):
        for js, value in VALUES:
            try:
                dgram.createSocket({"type": "udp4", option: value})
                t(js)
            except Exception as error:
                t(js, error)

    values = ", ".join(f"[{js!r}, {js}]" for js, _ in VALUES).replace('"', "`")
    oracle.compareSync(
        f"""
        for (const [js, value] of [{values}]) {{
          try {{ dgram.createSocket({{ type: "udp4", {option}: value }}); t(js) }}
          catch (error) {{ t(js, error) }}
        }}
        """,
        scenario,
    )


async def test_the_buffer_sizes_are_those_of_the_kernel(oracle):
    def scenario(t):
        options = {"type": "udp4", "recvBufferSize": 10000, "sendBufferSize": 15000}
        socket = dgram.createSocket(options)

        def bound():
            t("receive", socket.getRecvBufferSize())
            t("send", socket.getSendBufferSize())
            socket.setRecvBufferSize(5000)
            socket.setSendBufferSize(1)
            t("receive", socket.getRecvBufferSize())
            t("send", socket.getSendBufferSize())
            socket.setRecvBufferSize(0)
            t("receive", socket.getRecvBufferSize())
            socket.close()

        socket.bind(0, bound)

    await oracle.compare(
        """
        const options = { type: "udp4", recvBufferSize: 10000, sendBufferSize: 15000 };
        const socket = dgram.createSocket(options);
        socket.bind(0, () => {
          t("receive", socket.getRecvBufferSize());
          t("send", socket.getSendBufferSize());
          socket.setRecvBufferSize(5000);
          socket.setSendBufferSize(1);
          t("receive", socket.getRecvBufferSize());
          t("send", socket.getSendBufferSize());
          socket.setRecvBufferSize(0);
          t("receive", socket.getRecvBufferSize());
          socket.close();
        });
        """,
        scenario,
    )
