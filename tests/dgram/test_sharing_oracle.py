"""Who else may have a port, of the same family and of the other; compared with real Node."""

from __future__ import annotations

from nodenet import dgram


async def test_a_taken_port_is_an_error_that_names_it(oracle):
    def scenario(t):
        first, second = dgram.createSocket("udp4"), dgram.createSocket("udp4")
        second.on("error", lambda error: (t("error", error), first.close(), second.close()))
        first.bind(0, "127.0.0.1", lambda: second.bind(t.port(first.address().port), "127.0.0.1"))

    await oracle.compare(
        """
        const first = dgram.createSocket("udp4"), second = dgram.createSocket("udp4");
        second.on("error", (error) => { t("error", error); first.close(); second.close(); });
        first.bind(0, "127.0.0.1",
                   () => second.bind(t.port(first.address().port), "127.0.0.1"));
        """,
        scenario,
    )


async def test_reuseAddr_lets_two_sockets_have_one_port(oracle):
    def scenario(t):
        def make():
            return dgram.createSocket({"type": "udp4", "reuseAddr": True})

        first, second = make(), make()

        @second.on("listening")
        def listening():
            t("same port", second.address().port == first.address().port)
            first.close()
            second.close()

        first.bind(0, "127.0.0.1", lambda: second.bind(first.address().port, "127.0.0.1"))

    await oracle.compare(
        """
        const make = () => dgram.createSocket({ type: "udp4", reuseAddr: true });
        const first = make(), second = make();
        second.on("listening", () => {
          t("same port", second.address().port === first.address().port);
          first.close();
          second.close();
        });
        first.bind(0, "127.0.0.1", () => second.bind(first.address().port, "127.0.0.1"));
        """,
        scenario,
    )


async def test_reusePort_sockets_share_a_port_only_among_themselves(oracle):
    def scenario(t):
        def make(**options):
            return dgram.createSocket("udp4", **options)

        first, second, third = make(reusePort=True), make(reusePort=True), make()

        @third.on("error")
        def failed(error):
            t("third", error)
            for socket in (first, second, third):
                socket.close()

        def later():
            t("second", second.address().port == first.address().port)
            third.bind(t.port(first.address().port), "127.0.0.1")

        def listening():
            second.bind(first.address().port, "127.0.0.1", later)

        first.bind(0, "127.0.0.1", listening)

    await oracle.compare(
        """
        const make = (options) => dgram.createSocket({ type: "udp4", ...options });
        const first = make({ reusePort: true }), second = make({ reusePort: true }), third = make();
        third.on("error", (error) => {
          t("third", error);
          for (const socket of [first, second, third]) socket.close();
        });
        first.bind(0, "127.0.0.1", () => second.bind(first.address().port, "127.0.0.1", () => {
          t("second", second.address().port === first.address().port);
          third.bind(t.port(first.address().port), "127.0.0.1");
        }));
        """,
        scenario,
    )


async def test_udp6_binds_to_every_interface_and_takes_no_ipv4_address(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp6")

        @socket.on("listening")
        def listening():
            t("address", socket.address()._replace(port=0))
            socket.close()
            other = dgram.createSocket("udp6")
            other.on("error", lambda error: (t("error", error), other.close()))
            other.bind(0, "127.0.0.1")

        socket.bind()

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp6");
        socket.on("listening", () => {
          t("address", { ...socket.address(), port: 0 });
          socket.close();
          const other = dgram.createSocket("udp6");
          other.on("error", (error) => { t("error", error); other.close(); });
          other.bind(0, "127.0.0.1");
        });
        socket.bind();
        """,
        scenario,
    )


async def test_ipv6Only_leaves_the_ipv4_port_to_others(oracle):
    def scenario(t):
        six = dgram.createSocket({"type": "udp6", "ipv6Only": True})
        four = dgram.createSocket("udp4")
        four.on("listening", lambda: (t("bound"), six.close(), four.close()))
        six.bind(0, lambda: four.bind(six.address().port))

    await oracle.compare(
        """
        const six = dgram.createSocket({ type: "udp6", ipv6Only: true });
        const four = dgram.createSocket("udp4");
        four.on("listening", () => { t("bound"); six.close(); four.close(); });
        six.bind(0, () => four.bind(six.address().port));
        """,
        scenario,
    )


async def test_ipv6Only_is_for_ipv6(oracle):
    def scenario(t):
        socket = dgram.createSocket({"type": "udp4", "ipv6Only": True})
        socket.on("error", lambda error: t("error", error))
        socket.bind(0, "127.0.0.1")

    await oracle.compare(
        """
        const socket = dgram.createSocket({ type: "udp4", ipv6Only: true });
        socket.on("error", (error) => t("error", error));
        socket.bind(0, "127.0.0.1");
        """,
        scenario,
    )
