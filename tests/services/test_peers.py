"""A peer is announced once, and strangers cannot fill the memory."""

from __future__ import annotations

from nodenet.services._peers import RecentPeers


def test_a_peer_is_new_once() -> None:
    peers = RecentPeers(limit=10)
    assert peers.isNew("127.0.0.1", 1)
    assert not peers.isNew("127.0.0.1", 1)
    assert peers.isNew("127.0.0.1", 2)


def test_no_more_are_remembered_than_the_limit() -> None:
    peers = RecentPeers(limit=3)
    for port in range(100):
        peers.isNew("127.0.0.1", port)
    assert len(peers) == 3


def test_who_was_heard_longest_ago_is_forgotten_first() -> None:
    peers = RecentPeers(limit=2)
    for port in (1, 2, 1, 3):
        peers.isNew("127.0.0.1", port)
    assert not peers.isNew("127.0.0.1", 1)
    assert peers.isNew("127.0.0.1", 2)
