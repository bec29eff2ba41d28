"""A stream shows how it stands."""

from __future__ import annotations

from nodenet.loop import pollerOf
from nodenet.streams import Duplex, Readable, Writable


def test_a_stream_shows_its_life_and_its_halves() -> None:
    stream = Duplex(read=lambda size: None, write=lambda *args: None)
    run = pollerOf().ticks.call
    assert repr(stream) == "<Duplex, open, 0 to read, 0 to write>"
    run(None, lambda: [stream.push(b"abc"), stream.write(b"de")])
    assert repr(stream) == "<Duplex, open, 3 to read, 2 to write>"
    run(None, lambda: [stream.push(None), stream.read()])
    assert repr(stream) == "<Duplex, open, read, 2 to write>"
    run(None, stream.destroy)
    assert repr(stream) == "<Duplex, closed, read, 2 to write>"


def test_a_stream_shows_no_half_that_it_lacks() -> None:
    assert repr(Readable()) == "<Readable, open, 0 to read>"
    assert repr(Writable(construct=lambda callback: None)).startswith("<Writable, constructing")
    pollerOf().ticks.call(None, lambda: None)
