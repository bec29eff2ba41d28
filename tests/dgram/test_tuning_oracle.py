"""The settings of a socket, compared with real Node: values, errors, bound and unbound."""

from __future__ import annotations

import pytest

from nodenet import dgram

VALUES = [
    ("undefined", None),
    ("'x'", "x"),
    ("-1", -1),
    ("0", 0),
    ("1", 1),
    ("255", 255),
    ("256", 256),
    ("1.5", 1.5),
    ("1e10", 10**10),
    ("NaN", float("nan")),
    ("true", True),
    ("{ a: 1 }", {"a": 1}),
    ("'127.0.0.1'", "127.0.0.1"),
    ("'::'", "::"),
    ("'::%lo'", "::%lo"),
    ("'::1'", "::1"),
    ("'224.0.0.114'", "224.0.0.114"),
    ("'ff02::114'", "ff02::114"),
    ("'ff02::114%nope'", "ff02::114%nope"),
    ("'8.8.8.8'", "8.8.8.8"),
]
METHODS = [
    "setBroadcast",
    "setTTL",
    "setMulticastTTL",
    "setMulticastLoopback",
    "setMulticastInterface",
    "addMembership",
    "dropMembership",
    "setRecvBufferSize",
    "setSendBufferSize",
]


def tried(t, values, socket, method):
    for js, value in values:
        try:
            t(js, getattr(socket, method)(value))
        except Exception as error:
            t(js, error, *([error.info.syscall] if hasattr(error, "info") else []))


JS_TRIED = """
const tried = (values, socket, method) => {
  for (const [js, value] of values) {
    try { t(js, socket[method](value)) }
    catch (error) { t(js, error, ...(error.info ? [error.info.syscall] : [])) }
  }
};
"""


def listed(values):
    return "[" + ", ".join(f'["{js}", {js}]' for js, _ in values) + "]"


@pytest.mark.parametrize("type", ["udp4", "udp6"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_setting_of_a_bound_socket(oracle, type, method):
    def scenario(t):
        socket = dgram.createSocket(type)
        socket.bind(0, lambda: (tried(t, VALUES, socket, method), socket.close()))

    await oracle.compare(
        JS_TRIED
        + f"""
        const socket = dgram.createSocket("{type}");
        socket.bind(0, () => {{
          tried({listed(VALUES)}, socket, "{method}");
          socket.close();
        }});
        """,
        scenario,
    )


@pytest.mark.parametrize("method", METHODS)
async def test_a_setting_of_an_unbound_socket(oracle, method):
    # Joining an IPv6 group makes an unbound udp4 socket of Node an IPv6 one; ours refuses.
    joins = method.endswith("Membership")
    values = [one for one in VALUES if not (joins and "::" in one[0])]

    def scenario(t):
        for one in values:
            socket = dgram.createSocket("udp4")
            tried(t, [one], socket, method)
            socket.close()

    oracle.compareSync(
        JS_TRIED
        + f"""
        for (const one of {listed(values)}) {{
          const socket = dgram.createSocket("udp4");
          tried([one], socket, "{method}");
          socket.close();
        }}
        """,
        scenario,
    )


SIMPLE = [
    "address",
    "remoteAddress",
    "getRecvBufferSize",
    "getSendBufferSize",
    "getSendQueueSize",
    "getSendQueueCount",
    "disconnect",
    "ref",
    "unref",
]


@pytest.mark.parametrize("method", SIMPLE)
async def test_what_an_unbound_socket_answers(oracle, method):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        try:
            t("answer", getattr(socket, method)())
        except Exception as error:
            t("refused", error)
        socket.close()

    oracle.compareSync(
        f"""
        const socket = dgram.createSocket("udp4");
        try {{ t("answer", socket.{method}()) }} catch (error) {{ t("refused", error) }}
        socket.close();
        """,
        scenario,
    )


INTERFACES = [one for one in VALUES if not isinstance(one[1], float | dict)]


@pytest.mark.parametrize(
    ("type", "group"), [("udp4", "224.0.0.115"), ("udp6", "ff02::115"), ("udp6", "224.0.0.115")]
)
async def test_the_interface_of_a_membership(oracle, type, group):
    def scenario(t):
        for js, interface in INTERFACES:
            socket = dgram.createSocket(type)
            socket.bind(0)
            for call in ("addMembership", "dropMembership"):
                try:
                    t(js, call, getattr(socket, call)(group, interface))
                except Exception as error:
                    t(js, call, error)
            socket.close()

    oracle.compareSync(
        f"""
        for (const [js, value] of {listed(INTERFACES)}) {{
          const socket = dgram.createSocket("{type}");
          socket.bind(0);
          for (const call of ["addMembership", "dropMembership"]) {{
            try {{ t(js, call, socket[call]("{group}", value)) }}
            catch (error) {{ t(js, call, error) }}
          }}
          socket.close();
        }}
        """,
        scenario,
    )


@pytest.mark.parametrize(
    ("type", "source", "group"),
    [("udp4", "127.0.0.1", "232.0.0.115"), ("udp6", "::1", "ff3e::115")],
)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_source_specific_membership(oracle, type, source, group, place):
    values = [one for one in VALUES if place < 2 or one in INTERFACES]

    def scenario(t):
        socket = dgram.createSocket(type)

        def bound():
            for js, value in values:
                args = [source, group, None]
                args[place] = value
                for call in ("addSourceSpecificMembership", "dropSourceSpecificMembership"):
                    try:
                        t(js, call, getattr(socket, call)(*args))
                    except Exception as error:
                        t(js, call, error)
            socket.close()

        socket.bind(0, bound)

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("{type}");
        socket.bind(0, () => {{
          for (const [js, value] of {listed(values)}) {{
            const args = ["{source}", "{group}", undefined];
            args[{place}] = value;
            for (const call of ["addSourceSpecificMembership", "dropSourceSpecificMembership"]) {{
              try {{ t(js, call, socket[call](...args)) }} catch (error) {{ t(js, call, error) }}
            }}
          }}
          socket.close();
        }});
        """,
        scenario,
    )


async def test_joining_a_group_binds_the_socket_silently(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        for event in ("listening", "error", "close"):
            socket.on(event, lambda *args, event=event: t(event, *args))
        socket.addMembership("224.0.0.114", "127.0.0.1")
        t("bound", socket.address().port > 0)
        t("ttl", socket.setTTL(5))
        socket.bind(0, "127.0.0.1")
        socket.on("error", lambda error: socket.close())

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp4");
        for (const event of ["listening", "error", "close"])
          socket.on(event, (...args) => t(event, ...args));
        socket.addMembership("224.0.0.114", "127.0.0.1");
        t("bound", socket.address().port > 0);
        t("ttl", socket.setTTL(5));
        socket.bind(0, "127.0.0.1");
        socket.on("error", (error) => socket.close());
        """,
        scenario,
    )


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("addMembership", ("x",)),
        ("dropMembership", ("1.2.3",)),
        ("addMembership", ("224.0.0.114", "x")),
        ("addSourceSpecificMembership", ("x", "232.0.0.114")),
        ("addSourceSpecificMembership", ("127.0.0.1", "x")),
        ("addSourceSpecificMembership", ("::1", "232.0.0.114")),
        ("dropSourceSpecificMembership", ("127.0.0.1", "232.0.0.114", "x")),
    ],
)
async def test_whether_a_membership_that_is_refused_binds_the_socket(oracle, method, args):
    def scenario(t):
        socket = dgram.createSocket("udp4")
        for event in ("listening", "error"):
            socket.on(event, lambda *args, event=event: (t(event, *args), socket.close()))
        try:
            getattr(socket, method)(*args)
        except Exception as error:
            t("refused", error)
        socket.bind(0, "127.0.0.1")

    await oracle.compare(
        f"""
        const socket = dgram.createSocket("udp4");
        for (const event of ["listening", "error"])
          socket.on(event, (...args) => {{ t(event, ...args); socket.close(); }});
        try {{ socket.{method}(...{list(args)}) }} catch (error) {{ t("refused", error) }}
        socket.bind(0, "127.0.0.1");
        """,
        scenario,
    )
