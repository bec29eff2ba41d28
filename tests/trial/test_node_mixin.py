"""The mixin for tests under trial."""

from __future__ import annotations

import unittest

from twisted.internet.defer import execute
from twisted.logger import Logger
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase, TestCase

from nodenet import dgram, events, loop, net
from nodenet.loop import openHandles
from nodenet.testing import NodeTestMixin

A, B = "192.0.2.1", "192.0.2.2"


class Echoing(NodeTestMixin, TestCase):
    async def test_a_server_and_a_client(self) -> None:
        server = await self.nodeServer(lambda socket: socket.pipe(socket))
        client = await self.nodeClient(server)
        client.write(b"hello")
        self.assertEqual(tuple(await events.once(client, "data")), (b"hello",))

    async def test_datagrams(self) -> None:
        server = await self.nodeSocket()
        client = await self.nodeSocket()
        client.send("hello", server.address().port, "127.0.0.1")
        msg, rinfo = await events.once(server, "message")
        self.assertEqual((msg, rinfo.port), (b"hello", client.address().port))

    def test_a_network(self) -> None:
        network = self.nodeNetwork(delay=1)
        heard: list[bytes] = []
        server, client = (network.host(one).createSocket("udp4") for one in (A, B))
        server.on("message", lambda msg, rinfo: heard.append(msg))
        server.bind(53)
        client.send("hello", 53, A)
        network.clock.advance(2)
        self.assertEqual(heard, [b"hello"])


class WrongKind(SynchronousTestCase):
    def test_a_case_that_does_not_wait_is_refused(self) -> None:
        for kind in (SynchronousTestCase, unittest.TestCase):
            refused = self.failureResultOf(
                execute(type, "Case", (NodeTestMixin, kind), {}), TypeError
            )
            self.assertIn("Case has to be a twisted.trial.unittest.TestCase", str(refused.value))


class Untidy(NodeTestMixin, TestCase):
    """Cases that `Leaving` runs; trial finds no test in this class by itself."""

    async def leaves_a_client(self) -> None:
        await self.nodeClient(await self.nodeServer())

    async def leaks_a_server(self) -> None:
        server = net.createServer().listen(0, "127.0.0.1")
        await events.once(server, "listening")

    async def leaks_a_socket(self) -> None:
        socket = dgram.createSocket("udp4").bind(0, "127.0.0.1")
        await events.once(socket, "listening")

    def tidy(self) -> None:
        """Leave nothing."""

    def logs(self) -> None:
        Logger().critical("the sky falls")

    def fails_on_a_network(self) -> None:
        network = self.nodeNetwork(seed=5, delay=1)
        network.host(A).createSocket("udp4").send("x", 53, B)
        network.clock.advance(2)
        self.fail("it did not work")


class InTearDown(Untidy):
    """What `tearDown` closes, after its time, is no leak."""

    async def closes_late(self) -> None:
        self.server = net.createServer().listen(0, "127.0.0.1")
        await events.once(self.server, "listening")

    async def tearDown(self) -> None:  # type: ignore[override]  # trial's may
        closed = events.once(self.server, "close")
        loop.pollerOf().callLater(0, self.server.close)
        await closed


class NoSetUp(Untidy):
    async def setUp(self) -> None:  # type: ignore[override]  # trial's may
        await self.leaks_a_server()
        raise RuntimeError("no set-up")


class Leaving(SynchronousTestCase):
    """What the mixin does when a test is over."""

    def outcome(self, name: str, case: type[TestCase] = Untidy) -> list[str]:
        """What goes wrong with a test."""
        result = TestResult()
        case(name).run(result)
        self.assertEqual(openHandles(), [])
        return [str(failure.value) for _, failure in result.errors + result.failures]

    def test_what_the_mixin_opened_it_closes(self) -> None:
        self.assertEqual(self.outcome("leaves_a_client"), [])

    def test_a_leak_is_named_once_and_closed(self) -> None:
        for name, what in (("leaks_a_server", "Listening"), ("leaks_a_socket", "UDP")):
            [complaint] = self.outcome(name)
            self.assertRegex(complaint, rf"^left open: <{what}\w* .*127\.0\.0\.1:\d+")
            self.assertEqual(self.outcome("tidy"), [])

    def test_what_is_logged_as_critical_fails_the_test(self) -> None:
        self.assertEqual(self.outcome("logs"), ["logged as critical: the sky falls"])

    def test_tear_down_may_close_it(self) -> None:
        self.assertEqual(self.outcome("closes_late", InTearDown), [])

    def test_a_failed_set_up_leaves_nothing_either(self) -> None:
        complaints = self.outcome("tidy", NoSetUp)
        self.assertIn("no set-up", complaints)
        self.assertEqual(self.outcome("tidy"), [])

    def test_a_failure_shows_what_became_of_the_datagrams(self) -> None:
        [complaint] = self.outcome("fails_on_a_network")
        said, network, datagram = complaint.splitlines()
        self.assertEqual(said, "it did not work")
        self.assertEqual(network, "<Network seed=5 delay=1>")
        self.assertIn("nobody there", datagram)
