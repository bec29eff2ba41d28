"""`nodenet.run`: when a program ends, and with which status."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent


def run(program: str) -> tuple[int, list[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, timeout=60
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
    status, lines, stderr = run(
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
    status, lines, stderr = run(
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
    status, lines, stderr = run(
        """
        import nodenet
        from nodenet import net

        nodenet.run(lambda: net.connect("/nonexistent/socket"))
        """
    )
    assert status == 1
    assert "connect ENOENT /nonexistent/socket" in stderr
