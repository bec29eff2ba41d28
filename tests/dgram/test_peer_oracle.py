"""A socket with a peer, and one without: what each hears, compared with real Node."""

from __future__ import annotations

from machine import NEEDS_IPV6

from nodenet import dgram


async def test_a_refused_datagram_is_an_error_and_the_socket_goes_on(oracle):
    def scenario(t):
        dead, socket = dgram.createSocket("udp4"), dgram.createSocket("udp4")
        errors = []

        @socket.on("error")
        def failed(error):
            t("error", error)
            errors.append(error)
            if len(errors) == 2:
                socket.close()
            else:
                socket.send("again", lambda *result: t("sent", *result))

        def ready():
            port = dead.address().port
            dead.close()
            socket.connect(
                port, "127.0.0.1", lambda: socket.send("x", lambda *result: t("sent", *result))
            )

        dead.bind(0, "127.0.0.1", ready)

    await oracle.compare(
        """
        const dead = dgram.createSocket("udp4"), socket = dgram.createSocket("udp4");
        let errors = 0;
        socket.on("error", (error) => {
          t("error", error);
          if (++errors === 2) socket.close();
          else socket.send("again", (...result) => t("sent", ...result));
        });
        dead.bind(0, "127.0.0.1", () => {
          const { port } = dead.address();
          dead.close();
          socket.connect(port, "127.0.0.1",
                         () => socket.send("x", (...result) => t("sent", ...result)));
        });
        """,
        scenario,
    )


async def test_an_unconnected_socket_hears_nothing_of_refused_datagrams(oracle):
    def scenario(t):
        dead, socket = dgram.createSocket("udp4"), dgram.createSocket("udp4")
        socket.on("error", lambda error: t("error", error))

        def ready():
            port = dead.address().port
            dead.close()

            def again(*result):
                t("sent", *result)
                socket.send("x", port, "127.0.0.1", last)

            def last(*result):
                t("sent", *result)
                socket.close()

            socket.send("x", port, "127.0.0.1", again)

        dead.bind(0, "127.0.0.1", ready)

    await oracle.compare(
        """
        const dead = dgram.createSocket("udp4"), socket = dgram.createSocket("udp4");
        socket.on("error", (error) => t("error", error));
        dead.bind(0, "127.0.0.1", () => {
          const { port } = dead.address();
          dead.close();
          socket.send("x", port, "127.0.0.1", (...result) => {
            t("sent", ...result);
            socket.send("x", port, "127.0.0.1", (...result) => {
              t("sent", ...result);
              socket.close();
            });
          });
        });
        """,
        scenario,
    )


async def test_a_connected_socket_hears_only_its_peer(oracle):
    def scenario(t):
        peer, other, socket = (dgram.createSocket("udp4") for _ in range(3))

        @socket.on("message")
        def message(msg, rinfo):
            t("heard", msg, rinfo.port == peer.address().port)
            for one in (peer, other, socket):
                one.close()

        def go():
            port = socket.address().port
            other.send("other", port, "127.0.0.1", lambda *_: peer.send("peer", port, "127.0.0.1"))

        def bound():
            other.bind(0, "127.0.0.1", lambda: socket.connect(peer.address().port, go))

        peer.bind(0, "127.0.0.1", lambda: socket.bind(0, "127.0.0.1", bound))

    await oracle.compare(
        """
        const [peer, other, socket] = [1, 2, 3].map(() => dgram.createSocket("udp4"));
        socket.on("message", (msg, rinfo) => {
          t("heard", msg, rinfo.port === peer.address().port);
          for (const one of [peer, other, socket]) one.close();
        });
        const go = () => {
          const { port } = socket.address();
          other.send("other", port, "127.0.0.1", () => peer.send("peer", port, "127.0.0.1"));
        };
        peer.bind(0, "127.0.0.1", () => socket.bind(0, "127.0.0.1", () =>
          other.bind(0, "127.0.0.1", () => socket.connect(peer.address().port, go))));
        """,
        scenario,
    )


@NEEDS_IPV6
async def test_udp6_connects_to_its_own_loopback(oracle):
    def scenario(t):
        socket = dgram.createSocket("udp6")

        def connected():
            t("peer", socket.remoteAddress())
            t("local", socket.address().address)
            socket.close()

        socket.connect(9, connected)

    await oracle.compare(
        """
        const socket = dgram.createSocket("udp6");
        socket.connect(9, () => {
          t("peer", socket.remoteAddress());
          t("local", socket.address().address);
          socket.close();
        });
        """,
        scenario,
    )
