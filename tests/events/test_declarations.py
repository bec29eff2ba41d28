"""Events declared for the documentation."""

from __future__ import annotations

from typing import ClassVar

from nodenet.events import Event, EventEmitter, declaredEvents


class Server(EventEmitter):
    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("listening", (), "It is bound."),
        Event("connection", ("socket: Socket",), "Somebody has connected."),
    )


class Strict(Server):
    EVENTS = (Event("connection", ("socket: Socket", "info: dict"), "Somebody was let in."),)


class Silent(Server):
    """Declares nothing of its own."""


def test_own_events_come_before_inherited_ones() -> None:
    names = [event.name for event in declaredEvents(Server)]
    assert names == ["listening", "connection", "newListener", "removeListener"]
    assert declaredEvents(Silent) == declaredEvents(Server)


def test_the_nearest_declaration_prevails() -> None:
    first, *others = declaredEvents(Strict)
    assert first.doc == "Somebody was let in."
    assert first.signature == "(socket: Socket, info: dict)"
    assert "connection" not in [event.name for event in others]


def test_an_event_without_arguments_has_an_empty_signature() -> None:
    assert Event("close").signature == "()"
