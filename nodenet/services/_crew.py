"""The workers of a service: as many at work as there are places, whatever becomes of each.

Law: a place has one member at work, or one that is about to be started; beside him there may be a
successor, who takes over when he is ready and not before. There is one successor at a time. Who has
handed over, or was asked to end, is not replaced when he does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from nodenet.loop import Poller
from nodenet.services._backoff import Backoff
from nodenet.services._member import Member
from nodenet.services.counters import Export, settled, summed

_log = Logger(namespace="nodenet")

_MARGIN = 2.0
"""Seconds that a process gets to end, beside what its connections get."""

_PATIENCE = 60.0
"""Seconds that a worker has to become ready."""

Hire = Callable[[Callable[[Member], object], Callable[..., object]], Member]


class _Place:
    """A place in the crew."""

    def __init__(self) -> None:
        self.backoff = Backoff()
        self.member: Member | None = None
        self.successor: Member | None = None
        self.waiting: IDelayedCall | None = None
        self.finished = False


class Crew:
    """Keeps `count` workers going.

    Args:
        poller: The primary's.
        hire: Starts a member: ``hire(ready, ended)``.
        count: How many.
        grace: Seconds that the connections of a member get who was asked to end.
        news: Called when a member has become ready.
        over: Called with an exit status when there is nothing to go on with: a member could not
            serve from the very first, or each has come to its end by itself, with 0.
    """

    def __init__(
        self,
        poller: Poller,
        hire: Hire,
        count: int,
        grace: float,
        news: Callable[[], object],
        over: Callable[[int], object],
    ) -> None:
        self._poller = poller
        self._hire = hire
        self._grace = grace
        self._news = news
        self._over = over
        self._places = [_Place() for _ in range(count)]
        self._members: set[Member] = set()
        self._past: list[Export] = []
        self._replacing: list[_Place] = []
        self._again = False
        self._awaited: dict[Member, IDelayedCall] = {}
        self._served = False
        self._dismissed: Deferred[None] | None = None

    # -- operations -------------------------------------------------------------------------

    def begin(self) -> None:
        """Start everybody."""
        if self._dismissed is None:
            for place in self._places:
                self._start(place)

    def replace(self) -> None:
        """Replace one after the other: each goes on until his successor is ready."""
        if self._dismissed is not None:
            return
        if any(place.successor is not None for place in self._places):
            self._again = True  # perhaps what he has read has changed since
            return
        _log.info("replacing the workers, one by one")
        self._replacing = list(self._places)
        self._replace_next()

    def dismiss(self, grace: float) -> Deferred[None]:
        """Have everybody end: connections get `grace` seconds.

        Returns:
            A Deferred that fires when all have.
        """
        self._dismissed = Deferred()
        self._replaced()
        for place in self._places:
            if place.waiting is not None:
                place.waiting.cancel()
                place.waiting = None
        for member in self._members:
            self._arrived(member)
            member.dismiss(grace + _MARGIN)
        self._look_whether_all()
        return self._dismissed

    def hurry(self) -> None:
        """Wait for nobody."""
        for member in list(self._members):
            member.kill()

    def count(self) -> Deferred[Mapping[str, Any]]:
        """What all have counted of each listener, those that have ended included."""

        def added(_: object) -> Mapping[str, Any]:
            exports = [one.export for one in self._members if one.export is not None]
            exports += self._past
            listeners: Mapping[str, Any] = summed(exports)["listeners"] if exports else {}
            return listeners

        asked: Deferred[Any] = DeferredList([member.count() for member in self._members])
        return asked.addCallback(added)

    # -- properties -------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether somebody serves in each place, or has come to his end there."""
        return all(place.finished or _serves(place.member) for place in self._places)

    @property
    def serves(self) -> bool:
        """Whether anybody serves."""
        return any(_serves(place.member) for place in self._places)

    @property
    def listening(self) -> list[str]:
        """Where the members listen."""
        return list(dict.fromkeys(where for one in self._members for where in one.listening))

    # -- private ----------------------------------------------------------------------------

    def _start(self, place: _Place) -> None:
        place.waiting = None
        place.member = self._hired(place)

    def _hired(self, place: _Place) -> Member:
        member = self._hire(
            lambda member: self._is_ready(place, member),
            lambda member, code, signal: self._has_ended(place, member, code, signal),
        )
        self._members.add(member)
        self._await(member)
        return member

    def _await(self, member: Member) -> None:
        self._awaited[member] = self._poller.callLater(_PATIENCE, self._too_slow, member)

    def _arrived(self, member: Member) -> None:
        """He is not waited for any more."""
        patience = self._awaited.pop(member, None)
        if patience is not None:
            patience.cancel()

    def _too_slow(self, member: Member) -> None:
        del self._awaited[member]
        _log.error("{worker} does not become ready", worker=str(member))
        if self._served:
            member.kill()
        else:
            self._await(member)  # another one would not do better

    def _is_ready(self, place: _Place, member: Member) -> None:
        self._arrived(member)
        if self._dismissed is not None:
            return
        self._served = True
        if member is place.successor:
            before, place.member, place.successor = place.member, member, None
            if before is not None:
                before.dismiss(self._grace + _MARGIN)
            self._replace_next()
        self._news()

    def _has_ended(
        self, place: _Place, member: Member, code: int | None, signal: str | None
    ) -> None:
        self._members.discard(member)
        self._arrived(member)
        if member.export is not None:
            self._past = [summed([*self._past, settled(member.export)])]
        if self._dismissed is not None:
            self._look_whether_all()
        elif member is place.successor:
            place.successor = None
            if place.member is None:
                self._vacated(place, member, code, signal)
            else:
                how = _how(code, signal)
                _log.error("{worker} {how}; the one before stays", worker=str(member), how=how)
            self._replaced()
        elif member is place.member:
            place.member = None
            if place.successor is None:  # or else he takes over
                self._vacated(place, member, code, signal)

    def _vacated(self, place: _Place, member: Member, code: int | None, signal: str | None) -> None:
        """Nobody is left in a place."""
        if code == 0 and member.since is not None:
            place.finished = True
            if all(one.finished for one in self._places):
                self._over(0)
        elif self._served:
            self._start_later(place, member, code, signal)
        else:
            self._over(code if code is not None and code > 0 else 1)

    def _start_later(
        self, place: _Place, member: Member, code: int | None, signal: str | None
    ) -> None:
        served = None if member.since is None else self._poller.seconds() - member.since
        wait = place.backoff.ended(served)
        place.waiting = self._poller.callLater(wait, self._start, place)
        _log.error(
            "{worker} {how}; another is started in {wait:g} s",
            worker=str(member),
            how=_how(code, signal),
            wait=wait,
        )

    def _replace_next(self) -> None:
        """Start the next successor, when the last one is ready."""
        while self._replacing:
            place = self._replacing.pop(0)
            if place.finished:
                continue
            place.successor = self._hired(place)
            if place.waiting is not None:
                place.waiting.cancel()
                place.waiting = None
            return
        _log.info("the workers are replaced")
        self._replaced()

    def _replaced(self) -> None:
        """Replacing is over, for this time."""
        self._replacing.clear()
        again, self._again = self._again, False
        if again:
            self.replace()

    def _look_whether_all(self) -> None:
        dismissed = self._dismissed
        if not self._members and dismissed is not None and not dismissed.called:
            dismissed.callback(None)


def _serves(member: Member | None) -> bool:
    return member is not None and member.serves


def _how(code: int | None, signal: str | None) -> str:
    if signal is not None:
        return f"was ended by {signal}"
    return "could not be started" if code is not None and code < 0 else f"has exited with {code}"
