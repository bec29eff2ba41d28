"""What trial says of a test that leaves something of nodenet behind."""

from __future__ import annotations

from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase, TestCase

from .cases import Careless, Leaking, Tidy


class Janitor(SynchronousTestCase):
    def outcome(self, case: type[TestCase]) -> TestResult:
        result = TestResult()
        case("test_it").run(result)
        return result

    def test_a_tidy_test_passes(self) -> None:
        result = self.outcome(Tidy)
        self.assertTrue(result.wasSuccessful(), result.errors + result.failures)

    def test_a_leaked_server_is_named(self) -> None:
        [(_, failure)] = self.outcome(Leaking).errors
        self.assertIn("Reactor was unclean", str(failure.value))
        self.assertRegex(str(failure.value), r"nodenet.*127\.0\.0\.1:\d+")

    def test_after_a_leak_the_next_test_is_clean(self) -> None:
        self.outcome(Leaking)
        self.assertTrue(self.outcome(Tidy).wasSuccessful())

    def test_an_exception_that_nobody_caught_is_an_error_of_the_test(self) -> None:
        [(_, failure)] = self.outcome(Careless).errors
        failure.trap(ZeroDivisionError)
