"""What a channel's notes and questions are about, and who is concerned by them.

Law: a listener is called with a note that says what it must, each with its type; one that does not
is malformed. A question always has an answer, or a failure.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

Handle = socket.socket
Answer = tuple[dict[str, Any], Handle | None]
Hear = Callable[[dict[str, Any], Handle | None], object]
Serve = Callable[[dict[str, Any], Handle | None], Any]


class Acts:
    """Those who hear notes and answer questions, by the ``act`` of these."""

    def __init__(self) -> None:
        self._answers: dict[str, Serve] = {}
        self._notes: dict[str, tuple[Hear, Mapping[str, type]]] = {}

    def serve(self, act: str, answer: Serve) -> None:
        """See `nodenet.cluster._channel.Channel`."""
        self._answers[act] = answer

    def hear(self, act: str, listener: Hear, said: Mapping[str, type]) -> None:
        """See `nodenet.cluster._channel.Channel`."""
        self._notes[act] = listener, said

    def listener(self, note: dict[str, Any]) -> Hear:
        """Who hears `note`.

        Raises:
            ValueError: It is malformed.
        """
        act = note["act"]
        listener, said = self._notes.get(act, _NOBODY)
        if not all(type(note.get(name)) is kind for name, kind in said.items()):
            raise ValueError(f"The other process sent a malformed note about {act!r}")
        return listener

    def answer(self, query: dict[str, Any], handle: Handle | None) -> Deferred[Answer]:
        """The answer to a question; what came along is closed when there is none."""
        answered = maybeDeferred(self._answers.get(query["act"], _refuse), query, handle)
        return answered.addErrback(_dropping, handle)


def drop(content: Any, handle: Handle | None) -> None:
    """Nobody listens: what came along is closed."""
    if handle is not None:
        handle.close()


_NOBODY: Final[tuple[Hear, Mapping[str, type]]] = (drop, {})


def _refuse(query: dict[str, Any], handle: Handle | None) -> Answer:
    """Nobody answers questions about this."""
    raise LookupError(f"nobody answers {query['act']!r}")


def _dropping(failure: Failure, handle: Handle | None) -> Failure:
    drop(None, handle)
    return failure
