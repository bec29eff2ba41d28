"""Random programs do with our sockets and servers what they do with Node's, event by event.

Each party's own trace is compared: how the two ends of a connection interleave is the kernel's
doing. What random programs have found is below, by itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from net.generate import Generator, complete
from net.programs import Program, run
from oracle import Oracle

_COUNT = 25
_MACHINE = json.dumps(str(Path(__file__).with_name("programs.js")))

TIMING = frozenset({12, 15, 54, 81})
"""Programs whose end the kernel's timing decides, or a difference that is meant."""

SERVER = [["s0", "make"], ["s0", "listen", {"to": "any"}]]
CONNECT = ["c0", "connect", {"to": "s0", "noDelay": True}]

FOUND: dict[str, dict[str, Any]] = {
    "who reads before it connects reads": {
        "steps": [SERVER, [["c0", "make"]], [CONNECT], [["a0", "write", "x"]]],
        "parties": {"c0": {"hears": "data"}},
    },
    "who has ended before it connects begins again": {
        "steps": [
            SERVER,
            [["c0", "make"], ["c0", "end"]],
            [CONNECT, ["c0", "write", "x", {"call": []}]],
            [["c0", "end", "y", {"call": []}]],
        ],
        "accepted": {"a0": {"hears": "data"}},
    },
    "who has written in vain before it connects fails": {
        "steps": [
            SERVER,
            [["c0", "make"], ["c0", "resume"], ["c0", "write", "x", {"call": []}], CONNECT],
        ],
    },
    "what waits for the connection counts as written": {
        "steps": [SERVER, [["c0", "make"], CONNECT, ["c0", "write", "abc", {"call": []}]]],
    },
    "a new connection counts from the start": {
        "steps": [
            SERVER,
            [["c0", "make"], CONNECT, ["c0", "end", "abc"]],
            [CONNECT],
            [["a1", "end", "de"]],
        ],
        "parties": {"c0": {"hears": "data"}},
        "accepted": {"a0": {"hears": "data"}, "a1": {"hears": "data"}},
    },
    "end is not write for who was ended by the peer": {
        "steps": [
            SERVER,
            [["c0", "make"], CONNECT],
            [["c0", "end"]],
            [["a0", "end", "x", {"call": []}]],
            [["a0", "write", "x", {"call": []}]],
            [["a0", "write", None, {"call": []}]],
        ],
        "accepted": {"a0": {"hears": "data"}},
    },
    "a server that listens says so before it looks where else to": {
        "steps": [
            SERVER,
            [
                ["s0", "listen", {"port": 70_000}],
                ["s0", "listen", {}],
                ["s0", "listen", {"path": 5}],
            ],
        ],
    },
    "a server that closes and listens tells of both": {
        "unix": True,
        "steps": [
            [
                ["s0", "make"],
                ["s0", "listen", {"to": "s0"}, {"call": []}],
                ["s0", "close", {"call": []}],
                ["s0", "listen", {"to": "s0"}, {"call": []}],
            ],
        ],
    },
    "who connects from an address has it": {
        "steps": [
            SERVER,
            [["c0", "make"], ["c0", "connect", {"to": "s0", "localAddress": "127.0.0.3"}]],
        ],
        "parties": {"c0": {"reactions": {"connectionAttempt": [[["c0", "get", "localAddress"]]]}}},
    },
    "read takes for a number what Node does": {
        "steps": [
            SERVER,
            [["c0", "make"], CONNECT],
            [["a0", "write", "abcdefghijklmnop"]],
            [["c0", "read", size] for size in (1.5, "2", " 3x", -1, 0, 2.0, "x", "4")],
        ],
    },
    "who resets before he writes writes nothing": {
        "steps": [
            SERVER,
            [
                ["c0", "make"],
                CONNECT,
                ["c0", "resetAndDestroy"],
                ["c0", "write", "abc", {"call": []}],
                ["c0", "end", {"call": []}],
            ],
        ],
        "accepted": {"a0": {"hears": "data"}},
    },
    "destroySoon destroys among the listeners of finish": {
        "steps": [SERVER, [["c0", "make"], CONNECT]],
        "accepted": {
            "a0": {
                "reactions": {"finish": [[["a0", "get", "destroyed"]]]},
                "begin": [["a0", "destroySoon"], ["a0", "pipe", "a0", None]],
            }
        },
    },
    "a write is cancelled before the socket closes": {
        "large": True,
        "steps": [
            SERVER,
            [["c0", "make"], CONNECT, ["c0", "pause"]],
            [["a0", "write", {"fill": 20_000_000}, {"call": [["a0", "resume"]]}]],
            [["a0", "destroy"]],
        ],
    },
    "what the system says of FIN is heard later": {
        "steps": [SERVER, [["c0", "make"], CONNECT, ["c0", "end", "abc"]]],
        "accepted": {"a0": {"begin": [["a0", "destroy"]]}},
    },
}


async def _compare(oracle: Oracle, directory: Path, programs: list[Program]) -> None:
    file = directory / "programs.json"
    file.write_text(json.dumps(programs))
    programs = json.loads(file.read_text())
    given = f"t, {{ net, stream }}, require({json.dumps(str(file))}), () => process.exit()"
    await oracle.compare(f"require({_MACHINE})({given})", lambda t: run(t, programs), apart=True)


@pytest.mark.parametrize("name", FOUND)
async def test_what_was_found_is_the_same(oracle: Oracle, tmp_path: Path, name: str) -> None:
    await _compare(oracle, tmp_path, [complete(FOUND[name])])


@pytest.mark.parametrize("turn", range(4))
async def test_random_programs_do_the_same(oracle: Oracle, tmp_path: Path, turn: int) -> None:
    seeds = [seed for seed in range(turn * _COUNT, (turn + 1) * _COUNT) if seed not in TIMING]
    await _compare(oracle, tmp_path, [Generator(seed).program() for seed in seeds])
