"""A program that is found by name, and what is wrong with one, in a line.

Law: nothing of a program is imported or called before `Program.load` and `Program.call`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults, maybeDeferred
from twisted.python.failure import Failure


class ProgramError(Exception):
    """A program cannot be run; `str()` of it is the line for the operator.

    Attributes:
        status: The exit status.
    """

    status = 1


class Program:
    """What ``twistd nodenet run`` runs.

    Args:
        target: ``module:callable``, the latter with dots where it is an attribute of something;
            or a callable.
        args: handed to the callable.

    Raises:
        ProgramError: `target` says nothing that could be looked for.
    """

    def __init__(self, target: str | Callable[..., object], args: Iterable[str] = ()) -> None:
        self.args = tuple(args)
        self._function = None if isinstance(target, str) else target
        self._file: str | None = None
        if isinstance(target, str):
            self.name = target
            self._module, self._path = _parted(target)
        else:
            self.name = getattr(target, "__qualname__", repr(target))

    def load(self) -> None:
        """Import the module and find the callable, as ``python -m`` would from here.

        Raises:
            ProgramError: It cannot be imported, is not there, or cannot be called.
        """
        if self._function is not None:
            return
        here = os.getcwd()
        if here not in sys.path:
            sys.path.insert(0, here)
        found: Any = self._import()
        for name in self._path:
            try:
                found = getattr(found, name)
            except AttributeError:
                raise ProgramError(f"{self.name}: {_absent(found, name)}") from None
        if not callable(found):
            kind = type(found).__name__
            raise ProgramError(f"{self.name} is no function or class that could be called: {kind}")
        self._function = found

    def call(self) -> Deferred[list[Any]]:
        """Call it.

        Returns:
            A Deferred of all that the program gave back: what its Deferreds and coroutines came
            to, with lists unpacked.
        """
        assert self._function is not None  # loaded
        return maybeDeferred(self._function, *self.args).addCallback(_settled)

    def says(self, failure: Failure) -> ProgramError:
        """What went wrong in it, with the last of its own lines that led there."""
        if isinstance(failure.value, FirstError):
            failure = failure.value.subFailure
        error = failure.value
        text = " ".join(str(error).split())
        if isinstance(error, SystemExit):
            text = error.code if isinstance(error.code, str) else f"sys.exit({error.code!r})"
        elif not isinstance(error, ProgramError) and not (isinstance(error, OSError) and text):
            text = f"{type(error).__name__}: {text}" if text else type(error).__name__
        said = ProgramError(f"{self.name}: {text}{self._place(failure)}")
        if isinstance(error, SystemExit):
            said.status = statusOf(error)
        return said

    def _place(self, failure: Failure) -> str:
        """The last line of the program's module on the way to a failure."""
        own = [
            f" ({os.path.relpath(file)}, line {line})"
            for _, file, line, *_ in failure.frames
            if file == self._file
        ]
        return own[-1] if own else ""

    def _import(self) -> Any:
        try:
            spec = find_spec(self._module)
            if spec is None:
                raise ModuleNotFoundError(name=self._module)
            self._file = spec.origin
            return import_module(self._module)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{self._module}.".startswith(f"{error.name}."):
                raise ProgramError(
                    f"{self.name}: there is no module {error.name!r}, neither in {os.getcwd()} "
                    "nor where Python looks else"
                ) from error
            raise self.says(Failure(error)) from error
        except (Exception, SystemExit) as error:
            raise self.says(Failure(error)) from error


def _absent(found: Any, name: str) -> str:
    close = get_close_matches(name, dir(found), 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    where = getattr(found, "__name__", type(found).__name__)
    return f"there is no {name!r} in {where}{hint}"


def statusOf(error: SystemExit) -> int:
    """The exit status that Python gives to a ``sys.exit()``."""
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def _parted(target: str) -> tuple[str, list[str]]:
    module, colon, path = target.partition(":")
    if module.endswith(".py") and colon:
        raise ProgramError(f"{target!r}: a module has no '.py': {module[:-3]}:{path}")
    names = [*module.split("."), *path.split(".")]
    if not all(name.isidentifier() for name in names):
        raise ProgramError(f"what to run is MODULE:CALLABLE, such as chat:main, not {target!r}")
    return module, path.split(".")


def _settled(given: Any) -> Any:
    """All that a program gave back, one after the other, when there is nothing left to wait for."""
    if given is None:
        return []
    if isinstance(given, Coroutine):
        given = Deferred.fromCoroutine(given)
    if isinstance(given, Deferred):
        return given.addCallback(_settled)
    if not isinstance(given, list | tuple):
        return [given]
    each = gatherResults([maybeDeferred(_settled, one) for one in given], consumeErrors=True)
    return each.addCallback(lambda lists: [one for found in lists for one in found])
