"""A program that cannot be run says why, in a line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import fail, succeed
from twisted.python.failure import Failure

from nodenet.errors import systemError
from nodenet.services._program import Program, ProgramError

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules where the program is looked for; forgets them after the test."""
    before = dict(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def written(**modules: str) -> None:
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source)

    yield written
    for name in set(sys.modules) - set(before):
        del sys.modules[name]


def trouble(target: str) -> str:
    """What is wrong with it."""
    with pytest.raises(ProgramError) as found:
        Program(target).load()
    assert "\n" not in str(found.value)
    return str(found.value)


def outcome(target: Any, *args: str) -> Any:
    """What it gives back at once, or how it fails."""
    program = Program(target, args)
    program.load()
    results: list[object] = []
    program.call().addBoth(results.append)
    (result,) = results
    return str(program.says(result)) if isinstance(result, Failure) else result


@pytest.mark.parametrize("target", ["", "chat", "chat:", ":main", "a-b:main", "chat:main()"])
def test_a_target_that_is_none(target: str) -> None:
    assert f"MODULE:CALLABLE, such as chat:main, not {target!r}" in trouble(target)


def test_a_file_is_no_module() -> None:
    assert trouble("chat.py:main").endswith("a module has no '.py': chat:main")


def test_a_module_that_is_not_there(write: Write, tmp_path: Path) -> None:
    write(here="")
    expected = f"nowhere:main: there is no module 'nowhere', neither in {tmp_path} nor"
    assert trouble("nowhere:main").startswith(expected)
    assert "there is no module 'here.below'" in trouble("here.below:main")


def test_a_module_that_cannot_be_imported(write: Write) -> None:
    write(
        wants="x = 1\nimport nowhere", crash="1 / 0", wrong="def f(:", leaves="raise SystemExit(3)"
    )
    missing = "wants:main: ModuleNotFoundError: No module named 'nowhere' (wants.py, line 2)"
    assert trouble("wants:main") == missing
    assert trouble("crash:main").endswith("ZeroDivisionError: division by zero (crash.py, line 1)")
    assert "wrong:main: SyntaxError: " in trouble("wrong:main")
    assert "(wrong.py, line 1)" in trouble("wrong:main")
    assert trouble("leaves:main") == "leaves:main: sys.exit(3) (leaves.py, line 1)"


def test_a_name_that_is_not_in_it(write: Write) -> None:
    write(chat="def main(): pass\nport = 8124")
    assert trouble("chat:mian") == "chat:mian: there is no 'mian' in chat; did you mean main?"
    assert trouble("chat:port").endswith("no function or class that could be called: int")


def test_what_it_gives_back_is_unpacked(write: Write) -> None:
    write(chat="class App:\n @staticmethod\n async def main(*args): return [args, [2, None]]")
    assert outcome("chat:App.main", "a", "--b") == ["a", "--b", 2]


def test_nothing_is_given_back() -> None:
    assert outcome(lambda: None) == []


def test_deferreds_are_waited_for() -> None:
    assert outcome(lambda: [succeed(1), succeed([2])]) == [1, 2]
    assert outcome(lambda: [succeed(1), fail(KeyError("x"))]).endswith(": KeyError: 'x'")


def test_an_error_is_a_line_with_its_place(write: Write) -> None:
    write(chat="async def main():\n  raise ValueError('bad\\n thing')")
    assert outcome("chat:main") == "chat:main: ValueError: bad thing (chat.py, line 2)"


def test_a_system_error_says_its_code_itself() -> None:
    def main() -> None:
        raise systemError(98, "listen", "127.0.0.1", 80)

    assert outcome(main).endswith("main: listen EADDRINUSE: address already in use 127.0.0.1:80")
