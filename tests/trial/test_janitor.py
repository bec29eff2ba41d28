"""What trial says of a test that leaves something of nodenet behind."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase, TestCase

from nodenet import loop

from . import cases


class Janitor(SynchronousTestCase):
    """Runs the cases, which trial does not collect itself."""

    def outcome(self, case: type[TestCase]) -> TestResult:
        result = TestResult()
        case("test_it").run(result)
        return result

    def close_all(self) -> None:
        loop.pollerOf().stopped(Failure(ConnectionDone()))

    def test_a_tidy_test_passes(self) -> None:
        result = self.outcome(cases.Tidy)
        self.assertTrue(result.wasSuccessful(), result.errors + result.failures)

    def test_a_leaked_server_is_named_until_it_is_closed(self) -> None:
        self.addCleanup(self.close_all)
        # Trial takes what has leaked out of the reactor, which held it: now this test does.
        poller = loop.pollerOf()
        for case in (cases.Leaking, cases.Tidy):
            [(_, failure)] = self.outcome(case).errors
            self.assertIn("Reactor was unclean", str(failure.value))
            self.assertRegex(str(failure.value), r"nodenet.*Listening.*127\.0\.0\.1:\d+")
        self.assertEqual(len(poller.openHandles()), 1)
        self.close_all()
        self.assertTrue(self.outcome(cases.Tidy).wasSuccessful())

    def test_an_exception_that_nobody_caught_is_an_error_of_the_test(self) -> None:
        [(_, failure)] = self.outcome(cases.Careless).errors
        failure.trap(ZeroDivisionError)
