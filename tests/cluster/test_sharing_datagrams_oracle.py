"""What workers see of the datagram sockets that they share, compared with real Node's cluster."""

from __future__ import annotations

import pytest
from cluster_oracle import Program, compare
from oracle import Oracle

PROGRAMS = {
    "datagrams": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            const join = () => {
              try { socket.addMembership('224.0.0.114'); say('joined') }
              catch (error) { say(error) }
            }
            socket.bind(0, () => { join(); join(); ready() })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))

            def join():
                try:
                    socket.addMembership("224.0.0.114")
                    say("joined")
                except OSError as error:
                    say(error)

            socket.bind(0, lambda: (join(), join(), ready()))
            """,
        ),
    ),
    "datagrams that find no place": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            const taken = dgram.createSocket('udp4')
            socket.once('error', () => {
              socket.once('error', ready)
              socket.bind(5, '192.0.2.1')
            })
            taken.bind({ port: 0, address: '127.0.0.1', exclusive: true }, () => {
              process.send({ port: taken.address().port })
              taken.unref()
              socket.bind(taken.address().port, '127.0.0.1')
            })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))
            taken = dgram.createSocket("udp4")

            def again(_):
                socket.once("error", lambda _: ready())
                socket.bind(5, "192.0.2.1")

            def begin():
                cluster.worker.send({"port": taken.address().port})
                taken.unref()
                socket.bind(taken.address().port, "127.0.0.1")

            socket.once("error", again)
            taken.bind({"port": 0, "address": "127.0.0.1", "exclusive": True}, begin)
            """,
        ),
        workers=1,
    ),
    "a datagram socket that sends first": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            socket.send('x', 9, '127.0.0.1', (error, bytes) => {
              say('sent', error, bytes)
              socket.close()
              ready()
            })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))

            def sent(error, size):
                say("sent", error, size)
                socket.close()
                ready()

            socket.send("x", 9, "127.0.0.1", sent)
            """,
        ),
        workers=1,
    ),
    "a group joined before": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            socket.addMembership('224.0.0.114')
            socket.bind(0, () => {
              try { socket.dropMembership('224.0.0.114') }
              catch (error) { say(error) }
              ready()
            })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))
            socket.addMembership("224.0.0.114")

            def bound():
                try:
                    socket.dropMembership("224.0.0.114")
                except OSError as error:
                    say(error)
                ready()

            socket.bind(0, bound)
            """,
        ),
        workers=1,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_workers_see_the_same(oracle: Oracle, name: str) -> None:
    compare(oracle, PROGRAMS[name])
