"""Events as they are documented.

Invariant: an event is declared once, in the class that emits it; tables are made from that.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an emitter.

    A class lists its own in `EVENTS`::

        class Server(EventEmitter):
            EVENTS: ClassVar[tuple[Event, ...]] = (
                Event("listening", (), "The server is bound."),
                Event("connection", ("socket: Socket",), "Somebody has connected."),
            )

    Args:
        name: The name, as listeners write it.
        arguments: What a listener is called with, each as ``'name: type'``.
        doc: One line for the reference table.
    """

    name: str
    arguments: tuple[str, ...] = ()
    doc: str = ""

    @property
    def signature(self) -> str:
        """A listener's parameters, as the reference table shows them."""
        return f"({', '.join(self.arguments)})"


def declaredEvents(emitter: type) -> list[Event]:
    """Return the events that a class declares or inherits.

    Args:
        emitter: The class. Only `EVENTS` of it and of its bases counts.

    Returns:
        Its own events, then those of its bases; the nearest declaration of a name prevails.
    """
    found: dict[str, Event] = {}
    for owner in emitter.__mro__:
        for event in owner.__dict__.get("EVENTS", ()):
            found.setdefault(event.name, event)
    return list(found.values())
