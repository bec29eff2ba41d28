"""What a service counts, each figure declared once.

Law: what is known about a figure stands in its declaration, a field of `Tally` or `Counters`, and
nowhere else. From there come the key in the JSON, the name and the lines of the metric, the line
in the log and the table in the documentation.

Bytes of connections cost nothing while they flow: who holds a connection (a `net.Socket` does)
knows how many there were, and is asked when somebody wants to know and when the connection ends.
What is exported are plain mappings of names to numbers, so `summed` can add several processes up.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Flag, auto
from functools import cache
from typing import Any, Final, Literal, Protocol

from nodenet.endpoints._openssl import codeOf


class Counted(Flag):
    """What passes through a listener."""

    CONNECTIONS = auto()
    """Connections; for UDP, the sessions of a relay."""
    DATAGRAMS = auto()
    MESSAGES = auto()
    """Datagrams that are the program's: their bytes are not counted, for that would cost it."""
    HANDSHAKES = auto()
    """Connections that begin with a handshake of TLS."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What there is to know about one figure.

    Args:
        kind: A counter only grows; a gauge goes up and down.
        doc: One line that says what it is.
        of: What a listener must let through to have it.
        label: By what it is divided into several numbers, if it is.
        join: What several processes have together.

    Attributes:
        name: The key in the JSON; `figures` fills it in. Its last word is its unit, if it has one.
    """

    kind: Literal["counter", "gauge"]
    doc: str
    of: Counted = ~Counted(0)
    label: str = ""
    join: Callable[[Iterable[Any]], Any] = sum
    name: str = ""

    @property
    def metric(self) -> str:
        """Its name for Prometheus, such as ``nodenet_received_bytes_total``."""
        snake = re.sub(r"(?=[A-Z])", "_", self.name).lower()
        return f"nodenet_{snake}" + ("_total" if self.kind == "counter" else "")


class Source(Protocol):
    """What knows how many bytes went through it: a `net.Socket`, a session of a relay."""

    @property
    def bytesRead(self) -> int: ...
    @property
    def bytesWritten(self) -> int: ...


Export = Mapping[str, Any]
"""The figures of a service by name; under ``'listeners'`` those of each listener, by its name."""

_CONNECTIONS: Final = Counted.CONNECTIONS
_BYTES: Final = Counted.CONNECTIONS | Counted.DATAGRAMS
_HANDLED: Final = Counted.DATAGRAMS
_DATAGRAMS: Final = Counted.DATAGRAMS | Counted.MESSAGES


def _declared(figure: Figure, default: int | None = 0) -> Any:
    return field(default=default, metadata={"figure": figure})


def _gauge(doc: str, of: Counted) -> Any:
    return _declared(Figure("gauge", doc, of))


def _counter(doc: str, of: Counted) -> Any:
    return _declared(Figure("counter", doc, of))


@dataclass(eq=False)
class Tally:
    """The figures of one listener. Whoever sees something happen adds to a field.

    Args:
        listener: Which one it is, as the log calls it: ``tcp 127.0.0.1:8124``.
        counts: What passes through it; other figures are left out.
    """

    listener: str
    counts: Counted
    connectionsActive: int = _gauge("Connections that are open.", _CONNECTIONS)
    connectionsAccepted: int = _counter("Connections that were accepted.", _CONNECTIONS)
    connectionsDropped: int = _counter(
        "Connections that were closed at once: there were `maxConnections` already.", _CONNECTIONS
    )
    connectionsBlocked: int = _counter(
        "Connections that were closed at once: a list of addresses said so.", _CONNECTIONS
    )
    handshakesFailed: int = _counter(
        "Connections that ended before hands were shaken for TLS.", Counted.HANDSHAKES
    )
    receivedBytes: int = _counter("Bytes that clients have sent.", _BYTES)
    sentBytes: int = _counter("Bytes for clients, those that wait to be sent included.", _BYTES)
    datagramsReceived: int = _counter("Datagrams that were received.", _DATAGRAMS)
    datagramsSent: int = _counter("Datagrams that were handed over to be sent.", _DATAGRAMS)
    datagramsDropped: int = _counter("Datagrams that the service has dropped.", _HANDLED)
    datagramsOverflowed: int | None = _declared(
        Figure(
            "counter",
            "Datagrams that the kernel has dropped: the receive buffer was full.",
            _DATAGRAMS,
        ),
        default=None,  # left out where the kernel does not say
    )
    errors: Counter[str] = field(
        default_factory=Counter,
        metadata={"figure": Figure("counter", "What went wrong, by code.", label="code")},
    )
    _open: dict[Source, None] = field(default_factory=dict)
    _readings: list[tuple[str, Callable[[], int]]] = field(default_factory=list)

    def opened(self, connection: Source) -> None:
        """Count a connection that was accepted; `closed` shall be called when it has ended.

        Args:
            connection: Asked for its bytes whenever somebody looks.
        """
        self._open[connection] = None
        self.connectionsAccepted += 1
        self.connectionsActive += 1

    def closed(self, connection: Source) -> None:
        """Keep the bytes of a connection that has ended. A second time changes nothing.

        Args:
            connection: What was given to `opened`.
        """
        if connection in self._open:
            del self._open[connection]
            self.connectionsActive -= 1
            self.receivedBytes += connection.bytesRead
            self.sentBytes += connection.bytesWritten

    def failed(self, error: BaseException | str) -> None:
        """Count something that went wrong.

        Args:
            error: An exception, which is counted by its `code` or its class; or a code.
        """
        self.errors[error if isinstance(error, str) else codeOf(error)] += 1

    def read(self, name: str, reading: Callable[[], int]) -> Callable[[], None]:
        """Have somebody asked for what he counts, and that added to a figure.

        Args:
            name: The figure.
            reading: Says how much there was so far; never less than before.

        Returns:
            What ends this, keeping the number: to be called while `reading` can still be asked.
        """
        entry = (name, reading)
        self._readings.append(entry)

        def end() -> None:
            if entry in self._readings:
                self._readings.remove(entry)
                setattr(self, name, (getattr(self, name) or 0) + reading())

        return end

    def export(self) -> dict[str, Any]:
        """Return the figures by name; those by label as a mapping."""
        values = {one.name: getattr(self, one.name) for one in figures(Tally)}
        for connection in self._open:
            values["receivedBytes"] += connection.bytesRead
            values["sentBytes"] += connection.bytesWritten
        for name, reading in self._readings:
            values[name] = (values[name] or 0) + reading()
        return {
            one.name: dict(values[one.name]) if one.label else values[one.name]
            for one in figures(Tally)
            if one.of & self.counts and values[one.name] is not None
        }


@dataclass(eq=False)
class Counters:
    """All that a service counts, from its start on.

    Args:
        now: The time, in seconds since 1970.
    """

    now: Callable[[], float] = time.time
    startTimeSeconds: float = field(
        init=False,
        metadata={"figure": Figure("gauge", "When it started, in Unix time.", join=min)},
    )
    uptimeSeconds: float = field(
        init=False, default=0.0,
        metadata={"figure": Figure("gauge", "For how long it has been running.", join=max)},
    )  # fmt: skip
    _tallies: dict[str, Tally] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.startTimeSeconds = self.now()

    def tally(self, listener: str, counts: Counted) -> Tally:
        """Return the figures of a listener; the same ones whenever the name is the same.

        Args:
            listener: How the log calls it.
            counts: What passes through it.
        """
        listener = listener.encode(errors="backslashreplace").decode()  # a path may be no text
        tally = self._tallies.get(listener)
        if tally is None:
            tally = self._tallies[listener] = Tally(listener, counts)
        tally.counts |= counts
        return tally

    def export(self) -> dict[str, Any]:
        """Return all figures as plain values: for JSON, for other processes, for `summed`."""
        self.uptimeSeconds = max(0.0, self.now() - self.startTimeSeconds)
        values = {one.name: getattr(self, one.name) for one in figures(Counters)}
        values["listeners"] = {name: tally.export() for name, tally in self._tallies.items()}
        return values


@cache
def figures(declaration: type[Tally] | type[Counters]) -> tuple[Figure, ...]:
    """Return the figures that a class declares, in order.

    Args:
        declaration: `Tally` or `Counters`.
    """
    return tuple(
        replace(one.metadata["figure"], name=one.name)
        for one in fields(declaration)
        if "figure" in one.metadata
    )


def summed(exports: Iterable[Export]) -> dict[str, Any]:
    """Return what several processes have together: their listeners by name.

    Args:
        exports: What `Counters.export` of each has returned; one, at least.
    """
    exports = list(exports)
    values = _joined(Counters, exports)
    names = dict.fromkeys(name for export in exports for name in export["listeners"])
    values["listeners"] = {
        name: _joined(
            Tally, [one["listeners"][name] for one in exports if name in one["listeners"]]
        )
        for name in names
    }
    return values


def settled(export: Export) -> dict[str, Any]:
    """What is left of the figures of a process that has ended: its counters."""
    gauges = {one.name for one in figures(Tally) if one.kind == "gauge"}
    listeners = {
        listener: {name: 0 if name in gauges else value for name, value in values.items()}
        for listener, values in export["listeners"].items()
    }
    return {**export, "listeners": listeners}


def told(values: Mapping[str, Any]) -> str:
    """Return the figures of one listener as a line for the log: ``receivedBytes=5 errors=0 …``.

    Args:
        values: What `Tally.export` has returned.
    """
    words = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            each = ", ".join(f"{label} {count}" for label, count in sorted(value.items()))
            value = f"{sum(value.values())} ({each})" if each else 0
        words.append(f"{name}={value}")
    return " ".join(words)


def _joined(declaration: Any, exports: Iterable[Export]) -> dict[str, Any]:
    values = {}
    for figure in figures(declaration):
        found = [export[figure.name] for export in exports if figure.name in export]
        if found and figure.label:
            values[figure.name] = dict(sum(map(Counter, found), Counter[str]()))
        elif found:
            values[figure.name] = figure.join(found)
    return values
