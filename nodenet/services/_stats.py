"""What ``--stats`` shows: the counters as JSON and for Prometheus, and whether it serves.

Law: no socket in here; a page is made from figures, and those come from their declarations.
The text for Prometheus is of its format 0.0.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from nodenet.services.counters import Counters, Export, Figure, Tally, figures


class State(Enum):
    """How a service is; only one that serves is healthy."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


@dataclass(frozen=True)
class Page:
    """An answer.

    Attributes:
        status: HTTP's.
        type: its content type.
        body: its bytes.
    """

    status: int
    type: str
    body: bytes


_TEXT: Final = "text/plain; charset=utf-8"


class Pages:
    """What a service shows at which path.

    Args:
        export: Asked for the figures; they may come later.
        state: Asked how the service is.
    """

    def __init__(self, export: Callable[[], Any], state: Callable[[], State]) -> None:
        self._export = export
        self._state = state
        self._pages: dict[bytes, Callable[[], Deferred[Page]]] = {
            b"/stats.json": self._json,
            b"/metrics": self._metrics,
            b"/health": self._health,
        }

    def page(self, method: bytes, path: bytes) -> Deferred[Page]:
        """The answer to a request."""
        make = self._pages.get(path)
        if make is None:
            paths = b", ".join(self._pages)
            text = b"There is nothing here. There are: " + paths + b"\n"
            return succeed(Page(404, _TEXT, text))
        if method not in (b"GET", b"HEAD"):
            return succeed(Page(405, _TEXT, b"This can be read, and nothing else.\n"))
        return make()

    def _exported(self) -> Deferred[Export]:
        return maybeDeferred(self._export)

    def _json(self) -> Deferred[Page]:
        def made(export: Export) -> Page:
            values = {"state": self._state().value, **export}
            return Page(200, "application/json", json.dumps(values, indent=1).encode() + b"\n")

        return self._exported().addCallback(made)

    def _metrics(self) -> Deferred[Page]:
        def made(export: Export) -> Page:
            kind = "text/plain; version=0.0.4; charset=utf-8"
            return Page(200, kind, exposition(export).encode())

        return self._exported().addCallback(made)

    def _health(self) -> Deferred[Page]:
        state = self._state()
        status = 200 if state is State.SERVING else 503
        return succeed(Page(status, _TEXT, state.value.encode() + b"\n"))


def exposition(export: Export) -> str:
    """The figures in Prometheus's text format: for each what it is, and its samples."""
    lines = []
    for figure in figures(Counters):
        lines += [*_head(figure), f"{figure.metric} {export[figure.name]}"]
    for figure in figures(Tally):
        samples = [
            sample
            for listener, values in export["listeners"].items()
            if figure.name in values
            for sample in _samples(figure, listener, values[figure.name])
        ]
        lines += [*_head(figure), *samples] if samples else []
    return "".join(f"{line}\n" for line in lines)


def _head(figure: Figure) -> list[str]:
    doc = figure.doc.replace("\\", r"\\").replace("\n", r"\n")
    return [f"# HELP {figure.metric} {doc}", f"# TYPE {figure.metric} {figure.kind}"]


def _samples(figure: Figure, listener: str, value: Any) -> Iterator[str]:
    if not figure.label:
        yield f"{figure.metric}{_labels({'listener': listener})} {value}"
        return
    for name, count in sorted(value.items()):
        yield f"{figure.metric}{_labels({'listener': listener, figure.label: name})} {count}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
