"""Reference tables, made from the declarations when the documentation is built.

Law: no option, event or error code is written down in the documentation a second time.

- ``.. nodenet-options:: nodenet.net.ConnectOptions``: a declaration's options
- ``.. nodenet-events:: nodenet.net.Socket``: what an emitter declares or inherits
- ``.. nodenet-errors::``: the ``ERR_...`` codes
- ``.. nodenet-system-errors::``: ``ECONNREFUSED`` and the like
- ``.. nodenet-lookup-errors::``: ``ENOTFOUND`` and the like
- ``.. nodenet-calls::``: what a failure is to Twisted, by the system call
- ``.. nodenet-caught::``: all codes, and what catches each
- ``.. nodenet-figures::``: what a service counts
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from nodenet import errors
from nodenet.errors.table import CALLS, LOOKUPS, TABLE
from nodenet.events import declaredEvents
from nodenet.options import reference
from nodenet.services.counters import Counters, Tally, figures

INTERFACE = re.compile(r"<InterfaceClass [\w.]*?(\w+)>")
Row = tuple[str, ...]


class Table(SphinxDirective):
    """A table whose cells are reStructuredText; subclasses say what is in it."""

    head: Row
    widths: tuple[int, ...]

    def rows(self) -> Iterable[Row]:
        """The rows below the head."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Write the table as a ``list-table`` and have Sphinx read that."""
        widths = " ".join(map(str, self.widths))
        lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
        for row in [self.head, *self.rows()]:
            marks = ["   * - ", *["     - "] * (len(row) - 1)]
            lines += [mark + cell for mark, cell in zip(marks, row, strict=True)]
        return list(self.parse_text_to_nodes("\n".join(lines)))


class Options(Table):
    """The options that a ``TypedDict`` declares."""

    required_arguments = 1
    head = ("Option", "Type", "Default", "What it does")
    widths = (22, 20, 12, 46)

    def rows(self) -> Iterator[Row]:
        """One row for each option; nodenet's own say so."""
        for option in reference(named(self.arguments[0])):
            said = option.doc if option.node else f"{option.doc} *Not in Node.*"
            spelled = f" In endpoint strings: {code(option.string)}." if option.string else ""
            unqualified = re.sub(r"(\w+\.)+", "", option.type)
            yield code(option.name), code(unqualified), code(option.default), said + spelled


class Events(Table):
    """The events that an emitter declares or inherits."""

    required_arguments = 1
    head = ("Event", "A listener gets", "When")
    widths = (20, 30, 50)

    def rows(self) -> Iterator[Row]:
        """One row for each event."""
        for event in declaredEvents(named(self.arguments[0])):
            yield code(repr(event.name)), code(event.signature), event.doc


class Errors(Table):
    """Every ``ERR_...`` code."""

    head = ("Code", "In Python also", "Meaning")
    widths = (40, 15, 45)

    def rows(self) -> Iterator[Row]:
        """One row for each code."""
        for name in sorted(errors.codes.__all__):
            error = getattr(errors, name)
            if name.startswith("ERR_"):
                kind = next(base for base in error.__mro__ if base.__module__ == "builtins")
                yield code(name), code(kind.__name__), summary(error)


class SystemErrors(Table):
    """Every code of the operating system."""

    head = ("Code", "Meaning", "In Python also", "In Twisted also")
    widths = (20, 34, 23, 23)

    def rows(self) -> Iterator[Row]:
        """One row for each code."""
        for name, (text, builtin, twisted) in TABLE.items():
            yield code(name), text, kind_of(builtin), kind_of(twisted)


class Figures(Table):
    """What a service counts."""

    head = ("In the JSON", "For Prometheus", "What it is")
    widths = (24, 36, 40)

    def rows(self) -> Iterator[Row]:
        """One row for each figure, those of the process first."""
        for figure in [*figures(Counters), *figures(Tally)]:
            metric = figure.metric + (f"{{{figure.label}}}" if figure.label else "")
            yield code(figure.name), f"{code(metric)} ({figure.kind})", figure.doc


class LookupErrors(Table):
    """Every code of a failed look-up."""

    head = ("Code", "Meaning")
    widths = (30, 70)

    def rows(self) -> Iterator[Row]:
        """One row for each code."""
        for name in lookupCodes():
            yield code(name), str(errors.lookupError(name, None).strerror)


class Calls(Table):
    """What every failure of a system call is to Twisted."""

    head = ("What was tried", "In Twisted")
    widths = (40, 60)

    def rows(self) -> Iterator[Row]:
        """One row for each call."""
        for call, kinds in CALLS.items():
            yield code(call), ", ".join(map(kind_of, kinds))


class Caught(Table):
    """Every code, and the classes of Python and of Twisted that catch it."""

    head = ("Code", "Meaning", "In Python", "In Twisted")
    widths = (27, 27, 23, 23)

    def rows(self) -> Iterator[Row]:
        """One row for each code."""
        for name in TABLE:
            if hasattr(errno, name):
                made = errors.systemError(getattr(errno, name), "")
                yield code(name), TABLE[name][0], *catching(type(made))
        for name in lookupCodes():
            made = errors.lookupError(name, None)
            yield code(name), str(made.strerror), *catching(type(made))
        for name in ("AbortError", "AggregateError"):
            error = getattr(errors, name)
            yield code(name), summary(error), *catching(error)
        for name in sorted(errors.codes.__all__):
            if name.startswith("ERR_"):
                error = getattr(errors, name)
                yield code(name), summary(error), *catching(error)


def catching(error: type) -> tuple[str, str]:
    """The classes that an error inherits at once: Python's, and Twisted's."""
    bases = [base for kind in error.__mro__ if _ours(kind) for base in kind.__bases__]
    python = [base for base in bases if base.__module__ in ("builtins", "socket")]
    special = [base for base in python if base not in (OSError, Exception)]
    special = special or [OSError if issubclass(error, OSError) else Exception]
    twisted = [base for base in bases if base.__module__.startswith("twisted.")]
    return tuple(", ".join(map(kind_of, dict.fromkeys(kinds))) for kinds in (special, twisted))


def lookupCodes() -> list[str]:
    """Node's codes of failed look-ups, each once."""
    return list(dict.fromkeys(name for name, _ in LOOKUPS.values()))


def _ours(kind: type) -> bool:
    return kind.__module__.startswith("nodenet.")


def named(path: str) -> Any:
    """The object that ``module.Name`` names."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def code(text: str) -> str:
    """`text` as a literal; nothing when there is none."""
    return f"``{text}``" if text else ""


def kind_of(exception: type | None) -> str:
    """The name of an exception as a literal."""
    return code(exception.__name__) if exception else ""


def summary(documented: object) -> str:
    """The first line of a docstring."""
    return (documented.__doc__ or "").strip().partition("\n")[0]


def name_interfaces(_app: Sphinx, *described: Any) -> tuple[str | None, str | None]:
    """Write an interface in a signature by its name, where Sphinx would write its repr."""
    signature, returned = (text and INTERFACE.sub(r"\1", text) for text in described[-2:])
    return signature, returned


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    app.add_directive("nodenet-options", Options)
    app.add_directive("nodenet-events", Events)
    app.add_directive("nodenet-errors", Errors)
    app.add_directive("nodenet-system-errors", SystemErrors)
    app.add_directive("nodenet-lookup-errors", LookupErrors)
    app.add_directive("nodenet-calls", Calls)
    app.add_directive("nodenet-caught", Caught)
    app.add_directive("nodenet-figures", Figures)
    app.connect("autodoc-process-signature", name_interfaces)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
