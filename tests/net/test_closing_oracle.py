"""The order of events around connecting, ending and dying, compared with real Node."""

from __future__ import annotations

import pytest
from net_plays import Play, same
from oracle import Oracle

STATE = ["get", "connecting", "pending", "readyState", "destroyed", "bytesRead", "bytesWritten"]

PLAYS: dict[str, Play] = {
    "ours first": {"client": {"connect": [["end", "bye", "cb:ended"]]}},
    "theirs first": {"server": {"begin": [["end", "bye", "cb:ended"]]}},
    "both": {"server": {"begin": [["end", "a"]]}, "client": {"connect": [["end", "b"]]}},
    "write and end before connect": {
        "client": {"started": [["write", "x", "cb:written"], ["end", "y", "cb:ended"], STATE]}
    },
    "end before connect": {"client": {"started": [["end", "cb:ended"]]}},
    "half-open server answers after the client's FIN": {
        "serverOptions": {"allowHalfOpen": True},
        "server": {"end": [["write", "after", "cb:written"], ["later", 20, "end"]]},
        "client": {"connect": [["end", "x"]]},
    },
    "half-open client": {
        "clientOptions": {"allowHalfOpen": True},
        "server": {"begin": [["end", "first"]]},
        "client": {"end": [["write", "after"], ["later", 20, "end"]]},
    },
    "write in the listener of the peer's FIN": {
        "server": {"end": [["write", "after", "cb:written"]]},
        "client": {"connect": [["end", "x"]]},
    },
    "write after end": {
        "client": {"connect": [["end", "x"], ["write", "y", "cb:written"]]},
    },
    "write after the end of both": {
        "server": {"begin": [["end", "x"]]},
        "client": {"close": [["write", "y", "cb:written"], ["end", "cb:ended"], ["destroy"]]},
    },
    "write after destroy": {
        "client": {"connect": [["destroy"], ["write", "y", "cb:written"], ["end", "cb:ended"]]},
    },
    "destroy at once": {"client": {"started": [["destroy"], STATE], "close": [["stop"]]}},
    "destroy with an error at once": {
        "client": {"started": [["destroy", "error:mine"]], "close": [["stop"]]}
    },
    "writes before a destroy at once": {
        "client": {
            "started": [["write", "a", "cb:1"], ["write", "b", "cb:2"], ["destroy"]],
            "close": [["stop"]],
        }
    },
    "destroy in connect": {"client": {"connect": [["destroy"]]}},
    "destroy in ready": {"client": {"ready": [["destroy"]]}},
    "destroy in data": {"server": {"begin": [["write", "x"]]}, "client": {"data": [["destroy"]]}},
    "destroy with an error in data": {
        "server": {"begin": [["write", "x"]]},
        "client": {"data": [["destroy", "error:mine"]]},
    },
    "destroy in end": {"server": {"begin": [["end", "x"]]}, "client": {"end": [["destroy"]]}},
    "destroy in finish": {"client": {"connect": [["end"]], "finish": [["destroy"]]}},
    "destroy in error": {
        "client": {"connect": [["destroy", "error:a"]], "error": [["destroy", "error:b"]]}
    },
    "destroy in close": {"server": {"begin": [["end"]]}, "client": {"close": [["destroy"], STATE]}},
    "destroy the accepted socket": {"server": {"begin": [["destroy"]]}},
    "a listener of data throws": {
        "server": {"begin": [["end", "x"]]},
        "client": {"data": [["throw", "boom"]]},
    },
    "a listener of connect throws": {
        "server": {"begin": [["end", "x"]]},
        "client": {"connect": [["later", 50, "destroy"], ["throw", "boom"]]},
    },
    "a listener of close throws": {
        "server": {"begin": [["end", "x"]]},
        "client": {"close": [["throw", "boom"]]},
    },
    "destroySoon": {"server": {"begin": [["write", "bytes:1000"], ["destroySoon"]]}},
    "destroySoon of what is ended": {"client": {"connect": [["end", "x"], ["destroySoon"]]}},
    "paused on connect": {
        "serverOptions": {"pauseOnConnect": True},
        "server": {"begin": [["later", 30, "resume"]]},
        "client": {"connect": [["end", "abc"]]},
    },
    "paused before connect": {
        "server": {"begin": [["end", "abc"]]},
        "client": {"started": [["pause"]], "connect": [["later", 30, "resume"]]},
    },
    "data before a listener": {
        "server": {"silent": True, "begin": [["later", 30, "resume"]]},
        "client": {"connect": [["end", "early"]]},
    },
    "timeout while idle": {
        "client": {"connect": [["setTimeout", 20, "cb:timeout"]], "timeout": [["end"]]},
    },
    "timeout set before connect": {
        "client": {"begin": [["setTimeout", 30]], "timeout": [["destroy"]]},
    },
    "a big write fills the buffer": {
        "server": {"quiet": True, "silent": True, "begin": [["later", 20, "resume"]]},
        "client": {
            "connect": [
                ["write", "bytes:65535", "cb:1"],
                ["write", "bytes:1", "cb:2"],
                ["write", "bytes:8000000", "cb:3"],
                ["get", "writableNeedDrain", "writableLength"],
                ["end", "cb:end"],
            ]
        },
    },
    "writes and the end when there is room again": {
        "server": {"silent": True, "begin": [["resume"]]},
        "client": {
            "connect": [["write", "bytes:8000000", "cb:1"]],
            "drain": [
                ["write", "bytes:5000"],
                ["write", "bytes:6000", "cb:2"],
                ["write", "x"],
                ["write", "bytes:7000"],
                ["get", "writableLength", "bytesWritten", "writableNeedDrain"],
                ["end", "bytes:3000", "cb:end"],
                STATE,
            ],
            "finish": [STATE, ["get", "bytesWritten"]],
        },
    },
    "a destroy behind writes when there is room again": {
        "server": {"silent": True, "begin": [["resume"]]},
        "client": {
            "connect": [["write", "bytes:8000000", "cb:1"]],
            "drain": [
                ["write", "bytes:5000"],
                ["write", "bytes:6000", "cb:2"],
                ["destroy"],
                ["get", "bytesWritten"],
            ],
        },
    },
    "an end while writes wait, when there is room again": {
        "server": {"silent": True, "begin": [["resume"]]},
        "client": {
            "connect": [["write", "bytes:8000000"]],
            "drain": [["write", "bytes:5000"], ["write", "bytes:8000000", "cb:1"], ["end"], STATE],
        },
    },
    "a listener of drain throws": {
        "server": {"silent": True, "begin": [["resume"]]},
        "client": {
            "connect": [["write", "bytes:8000000"], ["later", 200, "end", "tail"]],
            "drain": [["write", "bytes:5000"], ["throw", "boom"]],
        },
    },
    "a write that nobody reads any more": {
        "clientOptions": {"allowHalfOpen": True},
        "server": {"begin": [["destroy"]]},
        "client": {
            "end": [["later", 20, "write", "a", "cb:1"], ["later", 50, "write", "b", "cb:2"]]
        },
    },
    "a big write that is cut off": {
        "server": {"silent": True, "begin": [["later", 20, "destroy"]]},
        "client": {"connect": [["write", "bytes:8000000", "cb:1"], ["end", "cb:end"]]},
    },
    "writes that are cut off by a destroy": {
        "server": {"silent": True, "begin": [["resume"]]},
        "client": {
            "connect": [
                ["write", "bytes:8000000", "cb:1"],
                ["write", "x", "cb:2"],
                ["end", "cb:end"],
                ["destroy", "error:enough"],
            ]
        },
    },
    "unshift, read and end": {
        "server": {"begin": [["end", "abc"]]},
        "client": {"begin": [["pause"]], "connect": [["unshift", "x"], ["later", 20, "resume"]]},
    },
    "a listener of end throws": {
        "server": {"begin": [["end", "x"]]},
        "client": {"end": [["later", 50, "destroy"], ["throw", "boom"]]},
    },
    "a listener of error throws": {
        "client": {"connect": [["destroy", "error:first"]], "error": [["throw", "boom"]]},
    },
    "states": {
        "client": {
            "begin": [STATE],
            "started": [STATE],
            "connect": [STATE, ["end", "x"], STATE],
            "end": [STATE],
            "finish": [STATE],
            "close": [STATE],
        },
        "server": {"begin": [STATE], "end": [STATE], "finish": [STATE], "close": [STATE]},
    },
    "encoded": {
        "server": {"begin": [["setEncoding", "utf8"]]},
        "client": {"connect": [["end", "häß", "latin1"]]},
    },
    "corked": {
        "client": {
            "connect": [
                ["cork"],
                ["write", "a", "cb:a"],
                ["write", "b", "cb:b"],
                ["uncork"],
                ["end"],
            ]
        }
    },
}

RESETS: dict[str, Play] = {
    "reset by the client": {"client": {"connect": [["later", 20, "resetAndDestroy"]]}},
    "reset by the server": {"server": {"begin": [["later", 20, "resetAndDestroy"]]}},
    "reset in connect": {"client": {"connect": [["resetAndDestroy"]]}},
    "reset while connecting": {"client": {"started": [["resetAndDestroy"]]}},
    "reset of what is closed": {
        "server": {"begin": [["end"]]},
        "client": {"close": [["resetAndDestroy"]]},
    },
}

REFUSED: Play = {"client": {"connect": [["resetAndDestroy"], ["end"]]}, "unix": True}


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
@pytest.mark.parametrize("name", PLAYS)
async def test_each_party_sees_what_it_sees_on_node(oracle: Oracle, name: str, unix: bool) -> None:
    await same(oracle, {**PLAYS[name], "unix": unix})


@pytest.mark.parametrize("name", RESETS)
async def test_a_reset_is_one(oracle: Oracle, name: str) -> None:
    await same(oracle, RESETS[name])


async def test_a_unix_socket_cannot_be_reset(oracle: Oracle) -> None:
    await same(oracle, REFUSED)
