"""`nodenet.run`: when a program ends, and with which status."""

from __future__ import annotations

import signal
import subprocess
import sys
from textwrap import dedent

import pytest


def run(program: str) -> tuple[int, list[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_a_program_that_opens_nothing_ends_at_once() -> None:
    assert run("import nodenet; nodenet.run(lambda: print('ran'))") == (0, ["ran"], "")


def test_a_program_ends_when_its_server_and_its_connections_are_closed() -> None:
    status, lines, stderr = run(
        """
        import nodenet
        from nodenet import net

        def main():
            server = net.createServer(lambda socket: socket.end("bye"))
            def listening():
                client = net.connect(server.address().port, "127.0.0.1")
                client.resume()
                client.on("close", lambda hadError: (print("closed"), server.close()))
            server.listen(0, "127.0.0.1", listening)

        nodenet.run(main)
        """
    )
    assert (status, lines, stderr) == (0, ["closed"], "")


def test_an_unreferenced_server_does_not_keep_a_program_going() -> None:
    status, lines, stderr = run(
        """
        import nodenet
        from nodenet import net

        nodenet.run(lambda: net.createServer().listen(0, "127.0.0.1").unref())
        """
    )
    assert (status, lines, stderr) == (0, [], "")


def test_a_timer_keeps_a_program_going_and_a_cancelled_one_does_not() -> None:
    status, lines, stderr = run(
        """
        import nodenet
        from twisted.internet import reactor

        def main():
            reactor.callLater(3600, print, "never").cancel()
            long = reactor.callLater(3600, print, "never")
            reactor.callLater(0.01, lambda: (print("timer"), long.cancel()))

        nodenet.run(main)
        """
    )
    assert (status, lines, stderr) == (0, ["timer"], "")


def test_a_program_waits_for_what_main_returned() -> None:
    status, lines, stderr = run(
        """
        import nodenet
        from twisted.internet import reactor
        from twisted.internet.task import deferLater

        async def main():
            await deferLater(reactor, 0.01, print, "waited")
            print("main is done")

        nodenet.run(main)
        """
    )
    assert (status, lines, stderr) == (0, ["waited", "main is done"], "")


def test_main_s_failure_is_shown_and_the_status_is_1() -> None:
    status, _, stderr = run(
        """
        import nodenet

        async def main():
            raise RuntimeError("main failed")

        nodenet.run(main)
        """
    )
    assert status == 1
    assert "RuntimeError: main failed" in stderr


def test_an_uncaught_exception_in_a_listener_ends_the_program_with_status_1() -> None:
    status, _, stderr = run(
        """
        import nodenet
        from nodenet import net

        def main():
            server = net.createServer()
            @server.on("listening")
            def listening():
                raise RuntimeError("in a listener")
            server.listen(0, "127.0.0.1")

        nodenet.run(main)
        """
    )
    assert status == 1
    assert "RuntimeError: in a listener" in stderr
    assert "Traceback" in stderr


def test_an_error_that_nobody_listens_to_ends_the_program_with_status_1() -> None:
    status, _, stderr = run(
        """
        import nodenet
        from nodenet import net

        nodenet.run(lambda: net.connect("/nonexistent/socket"))
        """
    )
    assert status == 1
    assert "connect ENOENT /nonexistent/socket" in stderr


@pytest.mark.parametrize(
    "leaving",
    [
        "sys.exit(3)",
        "nextTick(sys.exit, 3)",
        "pollerOf().callLater(0, sys.exit, 3)",
        "net.createServer().listen(0, '127.0.0.1', lambda: sys.exit(3))",
    ],
)
def test_who_exits_sets_the_status_without_a_word(leaving: str) -> None:
    status, lines, stderr = run(
        f"""
        import sys, nodenet
        from nodenet import net
        from nodenet.loop import nextTick, pollerOf

        nodenet.run(lambda: {leaving})
        """
    )
    assert (status, lines, stderr) == (3, [], "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_program_with_the_status_that_a_shell_shows(number: int) -> None:
    status, lines, stderr = run(
        f"""
        import os, nodenet
        from nodenet import net

        def main():
            net.createServer().listen(0, "127.0.0.1", lambda: os.kill(os.getpid(), {number}))

        nodenet.run(main)
        """
    )
    assert (status, lines, stderr) == (128 + number, [], "")


def test_a_stopped_reactor_ends_the_program_and_closes_what_is_open() -> None:
    status, _, stderr = run(
        """
        import nodenet
        from nodenet import net
        from twisted.internet import reactor

        def main():
            server = net.createServer().on("close", lambda: print("closed"))
            server.listen(0, "127.0.0.1", reactor.stop)

        nodenet.run(main)
        """
    )
    assert (status, stderr) == (0, "")


def test_a_program_within_a_program_is_refused_before_its_main_is_called() -> None:
    status, lines, stderr = run(
        """
        import nodenet
        from twisted.internet.error import ReactorAlreadyRunning

        def main():
            try:
                nodenet.run(lambda: print("inner"))
            except ReactorAlreadyRunning:
                nodenet.loop.nextTick(print, "outer goes on")

        nodenet.run(main)
        """
    )
    assert (status, lines, stderr) == (0, ["outer goes on"], "")


def test_a_failure_is_shown_once_where_the_program_logs_by_itself() -> None:
    status, lines, stderr = run(
        """
        import sys, nodenet
        from twisted.python import log

        def main():
            log.startLogging(sys.stdout)
            raise RuntimeError("main failed")

        nodenet.run(main)
        """
    )
    assert (status, stderr) == (1, "")
    assert [line.strip() for line in lines].count("builtins.RuntimeError: main failed") == 1
    assert not [line for line in lines if "selected twice" in line]


def test_a_timer_that_is_not_referenced_keeps_nothing_going() -> None:
    status, lines, stderr = run(
        """
        import nodenet
        nodenet.run(lambda: nodenet.loop.pollerOf().callLater(3600, print, "never", ref=False))
        """
    )
    assert (status, lines, stderr) == (0, [], "")


def test_a_look_up_keeps_a_program_going() -> None:
    status, lines, stderr = run(
        """
        import nodenet
        from nodenet import dns
        nodenet.run(lambda: dns.lookup("localhost", 4, lambda *answer: print(answer)))
        """
    )
    assert (status, lines, stderr) == (0, ["(None, '127.0.0.1', 4)"], "")
