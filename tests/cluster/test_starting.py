"""How workers are started, and what they find."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster_plays import DEADLINE, Plays
from cluster_program import say

from nodenet import cluster, loop
from nodenet.cluster._settings import commandLine, isCallable
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_MISSING_ARGS

TELLS = """
    import sys
    from nodenet import cluster, run

    def main():
        if cluster.isPrimary:
            cluster.fork()
        else:
            print("worker", sys.argv[1:], sys.flags.optimize, __name__, flush=True)
            cluster.worker.disconnect()

    if __name__ == "__main__":
        run(main)
"""


def python(*arguments: str, cwd: Path, **options: Any) -> str:
    """What a Python says that is started so."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        timeout=DEADLINE,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )
    return str(done.stdout)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """Writes a program, and returns its path."""

    def write(text: str, name: str = "program.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


def test_a_script_is_started_again(program: Callable[..., Path], tmp_path: Path) -> None:
    program(TELLS)
    said = python("-O", "-X", "utf8", "program.py", "-a", "b c", cwd=tmp_path)
    assert said == "worker ['-a', 'b c'] 1 __main__\n"


def test_a_module_is_started_again(program: Callable[..., Path], tmp_path: Path) -> None:
    program(TELLS)
    program(TELLS, "package/__main__.py")
    program("", "package/__init__.py")
    for name in "program", "package":
        assert python("-Om", name, "a", cwd=tmp_path) == "worker ['a'] 1 __main__\n"


def test_a_command_is_started_again(tmp_path: Path) -> None:
    assert python("-c", textwrap.dedent(TELLS), "a", cwd=tmp_path) == "worker ['a'] 0 __main__\n"


def test_what_was_typed_in_is_not(tmp_path: Path) -> None:
    said = python("-", cwd=tmp_path, input="from nodenet import cluster\ncluster.fork()")
    assert 'ERR_MISSING_ARGS: The "exec" argument must be specified' in said


def test_a_callable_of_a_module(program: Callable[..., Path], tmp_path: Path) -> None:
    program(
        """
        import sys
        from nodenet import cluster, run

        class Service:
            async def work(self):
                print("works", sys.argv[1:], cluster.worker.id, flush=True)
                cluster.worker.disconnect()

        service = Service()

        def main():
            cluster.setupPrimary(exec="program:service.work", args=["a"])
            cluster.fork()

        if __name__ == "__main__":
            run(main)
        """
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert python("program.py", cwd=tmp_path, env=env) == "works ['a'] 1\n"


def test_a_worker_on_twisteds_own_terms(program: Callable[..., Path], tmp_path: Path) -> None:
    """No `nodenet.run` on either side, and a reactor of the program's choice."""
    program(
        """
        import os
        import sys
        from importlib import import_module
        import_module(f"twisted.internet.{sys.argv[1]}").install()
        from twisted.internet import reactor
        from nodenet import cluster, net

        def say(*words):
            os.write(1, f"{' '.join(map(str, words))}\\n".encode())  # in one piece

        if cluster.isPrimary:
            worker = cluster.fork()
            worker.on("message", lambda said, _: (say("said", said), worker.disconnect()))
            worker.on("disconnect", lambda: say("disconnected"))
            worker.on("exit", lambda *ended: (say("ended", *ended), reactor.stop()))
        else:
            server = net.createServer().listen(0, "127.0.0.1")
            server.on("listening", lambda: cluster.worker.send("listening"))
            cluster.worker.on("disconnect", lambda: say("left"))
        reactor.run()
        """
    )
    for reactor in "epollreactor", "selectreactor", "asyncioreactor":
        said = python("program.py", reactor, cwd=tmp_path)
        lines = said.splitlines()
        assert sorted(lines) == ["disconnected", "ended 0 None", "left", "said listening"], said


def test_a_worker_on_twisteds_own_terms_ends_with_its_primary(
    program: Callable[..., Path], tmp_path: Path
) -> None:
    program(
        """
        import os
        from twisted.internet import reactor
        from nodenet import cluster

        if cluster.isPrimary:
            cluster.fork().on("message", lambda *_: os.kill(os.getpid(), 9))
        else:
            cluster.worker.send("ready")
            reactor.callLater(60, print, "stayed too long")
            reactor.addSystemEventTrigger("after", "shutdown", print, "ends")
        reactor.run()
        """
    )
    assert python("program.py", cwd=tmp_path) == "ends\n"


def no_such_program() -> None:
    cluster.setupPrimary(exec="/nonexistent/program.py", silent=True)
    worker = cluster.fork()
    worker.on("disconnect", lambda: say("disconnect"))
    worker.on("exit", lambda *ended: say("exit", *ended))


def test_a_program_that_is_not_there(alone: Plays) -> None:
    assert alone.run(no_such_program) == ["P disconnect", "P exit 2", "P ended with 0"]


def surroundings() -> None:
    if cluster.isPrimary:
        cluster.setupPrimary(cwd="/", args=[*sys.argv[1:], "more"])
        os.environ["LEFT_OUT"] = "1"
        cluster.fork({"LEFT_OUT": None, "GIVEN": 5})
        return
    say("is in", os.getcwd(), sys.argv[-1], os.environ.get("LEFT_OUT"), os.environ["GIVEN"])
    nodenets = [name for name in os.environ if name.startswith(("NODENET_CH", "NODENET_UN"))]
    say("tells its children", nodenets)
    # The channel is nobody else's, and nothing else of the primary's is open here.
    held = subprocess.check_output(["ls", "/proc/self/fd"], close_fds=False, text=True)
    say("gives its children", len(held.split()) - 4)
    cluster.worker.disconnect()


def test_what_a_worker_finds(alone: Plays) -> None:
    assert alone.run(surroundings) == [
        "W1 is in '/' 'more' None '5'",
        "W1 tells its children []",
        "W1 gives its children 0",
        "P ended with 0",
    ]


def somebody_else() -> None:
    if cluster.isPrimary:
        cluster.setupPrimary(uid=os.getuid(), gid=65534)
        cluster.fork()
    else:
        say("is", os.getuid(), os.getgid())
        cluster.worker.disconnect()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_a_worker_of_another_group(alone: Plays) -> None:
    assert alone.run(somebody_else) == ["W1 is 0 65534", "P ended with 0"]


def streams() -> None:
    if not cluster.isPrimary:
        print(sys.stdin.read(), end="", flush=True)
        print("to nobody", file=sys.stderr)
        cluster.worker.disconnect()
        return
    cluster.setupPrimary(stdio=["pipe", "pipe", "ignore", "ipc"])
    process: Any = cluster.fork().process
    say("has", process.stdin is not None, process.stdout is not None, process.stderr is not None)
    process.stdin.end("through both")
    process.stdout.setEncoding("utf8").on("data", lambda text: say("data", text))
    process.on("close", lambda *ended: say("close", *ended))


def test_streams_of_a_worker(alone: Plays) -> None:
    assert alone.run(streams) == [
        "P has True True False",
        "P data 'through both'",
        "P close 0",
        "P ended with 0",
    ]


def test_settings_are_checked() -> None:
    for bad in ({"exec": 5}, {"args": "x"}, {"args": [1]}, {"execArgv": 1}, {"silent": 1}):
        with pytest.raises(ERR_INVALID_ARG_TYPE):
            cluster.setupPrimary(bad)
    for stdio in (["pipe"], "nowhere", ["pipe", "pipe", "file"]):
        with pytest.raises(ERR_INVALID_ARG_VALUE):
            cluster.setupPrimary(stdio=stdio)
    for text in ({"exec": "a\0b"}, {"args": ["\0"]}, {"execArgv": ["\0"]}, {"cwd": "\0"}):
        with pytest.raises(ERR_INVALID_ARG_VALUE, match="must be a string without null bytes"):
            cluster.setupPrimary(text)
    for bad in ({"A": "\0"}, {"\0": "a"}, {"A=B": "c"}, {"": "a"}):
        with pytest.raises(ERR_INVALID_ARG_VALUE):
            cluster.fork(bad)
    for env in 5, "x":
        with pytest.raises(ERR_INVALID_ARG_TYPE):
            cluster.fork(env)  # type: ignore[arg-type]
    with pytest.raises(ERR_INVALID_ARG_VALUE):
        cluster.schedulingPolicy = 7
    with pytest.raises(ERR_MISSING_ARGS):
        commandLine({"exec": None})
    assert cluster.settings == {}
    assert cluster.workers == {}


@pytest.mark.parametrize(
    ("program", "is_one"),
    [
        ("package.module:name", True),
        ("module:Class.method", True),
        ("module", False),
        ("./path:with.colon", False),
        ("/a/b.py", False),
        ("b.py", False),
    ],
)
def test_what_is_a_callable(program: str, is_one: bool) -> None:
    assert isCallable(program) is is_one


@pytest.mark.parametrize(("policy", "number"), [("rr", 2), ("none", 1), ("", 2), ("other", 2)])
def test_the_policy_of_the_environment(policy: str, number: int, tmp_path: Path) -> None:
    env = {**os.environ, "NODENET_CLUSTER_SCHED_POLICY": policy}
    told = "from nodenet import cluster; print(cluster.schedulingPolicy)"
    assert python("-c", told, cwd=tmp_path, env=env) == f"{number}\n"


def test_a_worker_has_no_workers(alone: Plays) -> None:
    assert alone.run(a_workers_module) == [
        "W1 lacks 'fork'",
        "W1 lacks 'workers'",
        "W1 lacks 'schedulingPolicy'",
        "P ended with 0",
    ]


def a_workers_module() -> None:
    if cluster.isPrimary:
        cluster.fork()
        return
    for name in "fork", "workers", "schedulingPolicy":
        if not hasattr(cluster, name):
            say("lacks", name)
    loop.nextTick(cluster.worker.disconnect)
