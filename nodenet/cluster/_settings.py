"""How a worker is started: what `setupPrimary` sets, and the command line that comes of it.

Law: an option is declared here and nowhere else; what is not set is what this program was started
with, so that a worker is the same program again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final, TypedDict

from nodenet.errors import ERR_INVALID_ARG_VALUE, ERR_MISSING_ARGS
from nodenet.options import (
    Option,
    checkArray,
    checkBoolean,
    checkInt32,
    checkInteger,
    checkOneOf,
    checkString,
    declarations,
)

CHANNEL_FD: Final = "NODENET_CHANNEL_FD"
"""The environment variable that tells a worker which descriptor its channel is."""

UNIQUE_ID: Final = "NODENET_UNIQUE_ID"
"""The environment variable that makes a worker one, and tells it its id."""

POLICY: Final = "NODENET_CLUSTER_SCHED_POLICY"
"""The environment variable that chooses who accepts: ``rr`` or ``none``."""

SCHED_NONE: Final = 1
SCHED_RR: Final = 2

_STREAMS: Final = ("pipe", "inherit", "ignore")
_WITH_VALUE: Final = frozenset("WX")  # of Python's own options
_MODES: Final = ("-m ", "-c ")


def checkText(value: Any, name: str) -> str:
    """Check what the system takes as text: it ends where there is a NUL.

    Raises:
        ERR_INVALID_ARG_TYPE: It is no text.
        ERR_INVALID_ARG_VALUE: There is a NUL in it.
    """
    if "\0" in checkString(value, name):
        raise ERR_INVALID_ARG_VALUE(name, value, "must be a string without null bytes")
    return str(value)


def _texts(value: Any, name: str) -> list[str]:
    given = enumerate(checkArray(value, name))
    return [checkText(one, f"{name}[{index}]") for index, one in given]


def _stream(value: Any, name: str) -> str | int:
    if isinstance(value, int):
        return checkInteger(value, name, 0)
    return checkOneOf(value, name, _STREAMS)


def _stdio(value: Any, name: str) -> list[str | int]:
    """Node wants the channel in the list, as ``'ipc'``; here it may be left out."""
    given = [value] * 3 if isinstance(value, str) else list(checkArray(value, name))
    given = [one for one in given if one != "ipc"]
    if len(given) != 3:
        raise ERR_INVALID_ARG_VALUE(name, value, "must be stdin, stdout and stderr")
    return [_stream(one, f"{name}[{index}]") for index, one in enumerate(given)]


class Settings(TypedDict, total=False):
    """What `setupPrimary` sets (Node: ``cluster.settings``)."""

    exec: Annotated[
        str,
        Option(
            check=checkText,
            doc="The program: a path, ``-m module`` or ``module:callable``; this one by default.",
        ),
    ]
    args: Annotated[
        Sequence[str], Option(check=_texts, doc="Its arguments; those of this program by default.")
    ]
    execArgv: Annotated[
        Sequence[str], Option(check=_texts, doc="Options for Python; those of this one by default.")
    ]
    cwd: Annotated[str, Option(check=checkText, doc="The directory that it starts in.")]
    silent: Annotated[
        bool,
        Option(
            default=False,
            check=checkBoolean,
            doc="Read what it says at ``worker.process.stdout`` and ``stderr``; not inherited.",
        ),
    ]
    stdio: Annotated[
        Sequence[str | int],
        Option(
            check=_stdio,
            doc="For stdin, stdout and stderr: ``'pipe'``, ``'inherit'``, ``'ignore'`` or a "
            "descriptor. It prevails over `silent`.",
        ),
    ]
    uid: Annotated[int, Option(check=partial(checkInt32, minimum=0), doc="Whose process it is.")]
    gid: Annotated[int, Option(check=partial(checkInt32, minimum=0), doc="And whose group's.")]


OPTIONS: Final = declarations(Settings)


def ownSettings() -> dict[str, Any]:
    """The settings with which this program itself would be started again."""
    program, options = _own_program()
    return {"args": sys.argv[1:], "exec": program, "execArgv": options, "silent": False}


def commandLine(settings: dict[str, Any]) -> list[str]:
    """The command that starts a worker.

    Raises:
        ERR_MISSING_ARGS: `exec` is not set, and this program cannot be started again: it was
            typed in, or came over a pipe.
    """
    program = settings["exec"]
    if not program:
        raise ERR_MISSING_ARGS("exec")
    if program.startswith(_MODES):
        flag, _, what = program.partition(" ")
        command = [flag, what]
    elif isCallable(program):
        command = ["-m", "nodenet.cluster", program]
    else:
        command = [program]
    return [sys.executable, *settings["execArgv"], *command, *settings["args"]]


def isCallable(program: str) -> bool:
    """Whether `program` is ``module:callable``."""
    module, colon, name = program.partition(":")
    return bool(colon) and all(part.isidentifier() for part in f"{module}.{name}".split("."))


def streams(settings: dict[str, Any]) -> list[str | int]:
    """What a worker's stdin, stdout and stderr are."""
    return list(settings.get("stdio") or ["pipe" if settings["silent"] else "inherit"] * 3)


def _own_program() -> tuple[str | None, list[str]]:
    """What of `sys.orig_argv` is the program, and which are Python's own options before it."""
    words = sys.orig_argv[1:]
    options: list[str] = []
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word.startswith("--"):
            options.append(word)
            if word == "--check-hash-based-pycs":
                options.append(words.pop(0))
            continue
        for index, letter in enumerate(word[1:], 1):
            if letter in "mc":
                if index > 1:
                    options.append(word[:index])
                return f"-{letter} {word[index + 1 :] or words.pop(0)}", options
            if letter in _WITH_VALUE:
                if index == len(word) - 1:
                    options.append(word)
                    word = words.pop(0)
                break
        options.append(word)
    return (os.path.abspath(sys.argv[0]) if words and words[0] != "-" else None), options
