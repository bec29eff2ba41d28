"""Which session has to go: scenarios of (who, what, when), without a socket or a clock."""

from __future__ import annotations

from nodenet.services._sessions import Sessions


class Session:
    lastHeard = 0.0
    answered = False
    confirmed = False


class Play:
    """Sessions by the names of their clients."""

    def __init__(self, limit: int = 3, idle: float = 60.0) -> None:
        self.table: Sessions[str, Session] = Sessions(limit, idle)
        self.now = 0.0

    def asks(self, *names: str) -> Play:
        """Clients send something, each a second after the last."""
        for name in names:
            self.now += 1
            session = self.table.get(name)
            if session is not None:
                self.table.asked(name, session, self.now)
                continue
            if self.table.full():
                found = self.table.dispensable()
                if found is None:
                    continue
                self.table.remove(found[0])
            self.table.add(name, Session(), self.now)
        return self

    def hears(self, *names: str) -> Play:
        """Clients get an answer."""
        for name in names:
            self.now += 1
            session = self.table.get(name)
            assert session is not None
            self.table.answered(name, session, self.now)
        return self

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.table}


def test_the_one_that_was_quiet_for_longest_makes_room() -> None:
    assert Play().asks("a", "b", "c", "a", "d").names == {"a", "c", "d"}


def test_an_answer_counts_as_being_heard_of() -> None:
    assert Play().asks("a", "b", "c").hears("a").asks("d").names == {"a", "c", "d"}


def test_a_conversation_never_makes_room() -> None:
    play = Play().asks("a").hears("a").asks("a")
    assert "a" in play.asks(*(f"forged {number}" for number in range(100))).names


def test_an_answer_alone_is_no_conversation() -> None:
    play = Play().asks("a").hears("a").asks("b", "c", "d")
    assert play.names == {"b", "c", "d"}


def test_among_conversations_a_newcomer_finds_no_room() -> None:
    play = Play().asks("a", "b", "c").hears("a", "b", "c").asks("a", "b", "c", "d")
    assert play.names == {"a", "b", "c"}


def test_it_is_never_more_than_the_limit() -> None:
    play = Play(limit=5)
    for number in range(50):
        play.asks(f"{number}")
        assert len(play.table) <= 5


def test_who_is_quiet_for_too_long_has_expired() -> None:
    play = Play(idle=10).asks("a", "b").hears("a").asks("a")  # a at 4, b at 2
    assert play.table.nextExpiry() == 12
    assert [name for name, _ in play.table.expired(11.9)] == []
    assert [name for name, _ in play.table.expired(12)] == ["b"]
    assert {name for name, _ in play.table.expired(14)} == {"a", "b"}


def test_without_sessions_nothing_expires() -> None:
    assert Play().table.nextExpiry() is None
