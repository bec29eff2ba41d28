"""The mixin for tests under trial."""

from __future__ import annotations

from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase, TestCase

from nodenet import events
from nodenet.loop import openHandles
from nodenet.testing import NodeTestMixin


class Echoing(NodeTestMixin, TestCase):
    async def test_a_server_and_a_client(self) -> None:
        server = await self.nodeServer(lambda socket: socket.pipe(socket))
        client = await self.nodeClient(server)
        client.write(b"hello")
        self.assertEqual(tuple(await events.once(client, "data")), (b"hello",))

    async def test_a_client_that_is_left_open(self) -> None:
        await self.nodeClient(await self.nodeServer())


class Leaving(SynchronousTestCase):
    def test_what_a_test_leaves_is_closed_with_it(self) -> None:
        result = TestResult()
        Echoing("test_a_client_that_is_left_open").run(result)
        self.assertTrue(result.wasSuccessful(), result.errors + result.failures)
        self.assertEqual(openHandles(), [])
