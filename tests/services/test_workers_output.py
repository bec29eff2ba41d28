"""What a worker writes, in the primary's log: all of it, line by line."""

from __future__ import annotations

import pytest
from net_tools import happens
from twisted.logger import LogLevel, capturedLogs

from nodenet.services._member import _Lines
from nodenet.streams import Readable

LONG = "".join(f"{number} " for number in range(5000))


async def logged(*chunks: bytes) -> list[tuple[str, str]]:
    """The levels and lines of what has arrived in `chunks`."""
    stream = Readable({"read": lambda *_: None})
    with capturedLogs() as events:
        _Lines(stream, "worker 1", LogLevel.info)
        for chunk in chunks:
            stream.push(chunk)
        stream.push(None)
        await happens(stream, "end")
    return [(event["log_level"].name, event["line"]) for event in events if "line" in event]


async def test_lines_arrive_in_pieces_and_are_whole() -> None:
    assert await logged(b"one\ntw", b"o\n\nthree ", "\N{EURO SIGN}".encode()) == [
        ("info", "one"),
        ("info", "two"),
        ("info", ""),
        ("info", "three \N{EURO SIGN}"),
    ]


async def test_a_line_may_begin_with_its_level() -> None:
    assert await logged(b"<", b"3>oops\n<7>so\n<9>x\nand <3>\n") == [
        ("error", "oops"),
        ("debug", "so"),
        ("info", "<9>x"),
        ("info", "and <3>"),
    ]


@pytest.mark.parametrize("size", [1, 4096, 8192, 8193, 1_000_000])
async def test_a_long_line_is_several_and_none_of_it_is_lost(size: int) -> None:
    sent = f"<4>{LONG}\n<4>{'x' * 16384}\nshort".encode()
    lines = await logged(*(sent[at : at + size] for at in range(0, len(sent), size)))
    assert "".join(line for _, line in lines) == LONG + "x" * 16384 + "short"
    assert max(len(line) for _, line in lines) == 8192
    assert [level for level, _ in lines] == ["warn"] * (len(lines) - 1) + ["info"]
    assert len(lines) == 6
