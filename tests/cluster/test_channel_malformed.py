"""What a process must not send: it ends the channel at most, and leaves nothing open."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

import pytest
from cluster.channels import framed, raw
from descriptors import descriptors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodenet.cluster._frames import WINDOW


@pytest.mark.parametrize("note", [{}, {"number": "7"}, {"number": None}, {"number": [7]}])
async def test_a_note_that_does_not_say_what_it_must_ends_the_channel(note: dict[str, Any]) -> None:
    before = descriptors()
    with raw() as (one, theirs):
        heard: list[dict[str, Any]] = []
        one.channel.hear("count", lambda note, _: heard.append(note), number=int)
        theirs.sendall(framed(["note", 1, None, None, {"act": "count", "number": 7}]))
        theirs.sendall(framed(["note", 2, None, None, {"act": "count", **note}]))
        assert "malformed note about 'count'" in str(await one.ended)
        assert heard == [{"act": "count", "number": 7}]
    assert descriptors() == before


def framed_bytes(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


def with_descriptor(theirs: socket.socket, data: bytes, fd: int) -> None:
    socket.send_fds(theirs, [data], [fd])


MALFORMED = {
    "no JSON": framed("x")[:-1] + b"!",
    "no list": framed({"kind": "message"}),
    "too short a list": framed(["message", 1]),
    "an unknown kind": framed(["shout", 1, None, None, "hello"]),
    "a kind of another type": framed([["message"], 1, None, None, "hello"]),
    "no number": framed(["message", "1", None, None, "hello"]),
    "an inode that is none": framed(["message", 1, None, "7", "hello"]),
    "a note about nothing": framed(["note", 1, None, None, {}]),
    "a question that is no object": framed(["query", 1, None, None, "why"]),
    "an answer that is none": framed(["answer", 1, 1, None, "yes"]),
    "too deep": struct.pack("!I", 200_000) + b"[" * 200_000,
    "not UTF-8": struct.pack("!I", 3) + b'"\xff"',
    "too long": struct.pack("!I", 2**31),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_frames_end_the_channel(data: bytes) -> None:
    before = descriptors()
    with raw() as (one, theirs):
        theirs.sendall(framed(["message", 1, None, None, "well"]) + data + framed("more"))
        error = await one.ended
        assert isinstance(error, ValueError)
        assert "The other process sent a " in str(error)
        assert one.messages == ["well"]
        theirs.settimeout(10)
        assert theirs.recv(1) == b""
    assert descriptors() == before


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(max_size=40) | st.binary(max_size=40).map(framed_bytes), max_size=5))
async def test_no_bytes_break_more_than_the_channel(chunks: list[bytes]) -> None:
    before = descriptors()
    with raw() as (one, theirs):
        for chunk in chunks:
            with_descriptor(theirs, chunk or b"\0", theirs.fileno())
        theirs.shutdown(socket.SHUT_WR)
        await one.ended
    assert descriptors() == before


async def test_what_is_no_socket_ends_the_channel() -> None:
    before = descriptors()
    with raw() as (one, theirs):
        with open(os.devnull, "rb") as file:
            with_descriptor(theirs, framed(["message", 1, None, 1, "a file"]), file.fileno())
        assert isinstance(await one.ended, ValueError)
        assert one.messages == []
    assert descriptors() == before


async def test_handles_that_no_frame_names_are_closed() -> None:
    before = descriptors()
    with raw() as (one, theirs):
        for _ in range(3):
            near, far = socket.socketpair()
            with near, far:
                with_descriptor(theirs, framed(["message", 1, None, None, "no"]), far.fileno())
        await one.has(3)
        await one.end()
    assert descriptors() == before


async def test_handles_that_no_frame_names_are_few() -> None:
    before = descriptors()
    with raw() as (one, theirs):
        for _ in range(WINDOW + 1):
            with_descriptor(theirs, framed(["message", 1, None, None, "no"]), theirs.fileno())
        assert "sockets that it does not speak of" in str(await one.ended)
    assert descriptors() == before


async def test_answers_to_nothing_are_nothing() -> None:
    with raw() as (one, theirs):
        for kind in "answer", "failed", "got", "lost":
            for about in None, 99:
                theirs.sendall(framed([kind, 1, about, None, {}]))
        theirs.sendall(framed(["message", 1, None, None, "well"]))
        assert await one.has(1) == ["well"]
        assert await one.end() is None
