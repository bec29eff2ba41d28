"""A signal that lives as long as the program may have very many listeners."""

from __future__ import annotations

from typing import Any

from nodenet.abort import AbortController
from nodenet.events import getEventListeners


class Counted:
    """A listener that counts how often it is compared."""

    comparisons = 0

    def __call__(self, event: object) -> None:
        """Nothing happens."""

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return self is other

    def __hash__(self) -> int:
        return id(self) >> 4


class Unhashable:
    """What has ``handleEvent`` need not be hashable."""

    __hash__ = None  # type: ignore[assignment]  # as a dataclass has it

    def __init__(self) -> None:
        self.events: list[Any] = []

    def handleEvent(self, event: object) -> None:
        self.events.append(event)


def test_adding_and_removing_one_looks_at_no_other() -> None:
    signal = AbortController().signal
    listeners = [Counted() for _ in range(1000)]
    for listener in listeners:
        signal.addEventListener("abort", listener)
    for listener in listeners:
        signal.removeEventListener("abort", listener)
    assert getEventListeners(signal, "abort") == []
    assert Counted.comparisons < 1000


def test_a_listener_that_cannot_be_hashed_is_found_again() -> None:
    controller, kept, removed = AbortController(), Unhashable(), Unhashable()
    for listener in (kept, removed, kept, removed):
        controller.signal.addEventListener("abort", listener)
    controller.signal.removeEventListener("abort", removed)
    controller.abort()
    assert (len(kept.events), len(removed.events)) == (1, 0)


def test_a_method_is_the_same_listener_at_every_access() -> None:
    controller, holder = AbortController(), Unhashable()

    class Holder:
        def heard(self, event: object) -> None:
            holder.handleEvent(event)

    one = Holder()
    for _ in range(2):
        controller.signal.addEventListener("abort", one.heard)
    assert len(getEventListeners(controller.signal, "abort")) == 1
    controller.signal.removeEventListener("abort", one.heard)
    assert getEventListeners(controller.signal, "abort") == []
