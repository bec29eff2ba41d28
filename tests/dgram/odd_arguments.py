"""Programs that try one odd argument each: a call of every kind, in every state of a socket.

Law: the same seed makes the same program. What ours refuses and Node's takes is not among them.
"""

from __future__ import annotations

from random import Random
from typing import Any

from dgram.programs import Operation, Program

_CALL = {"$": "function"}
_PEER = {"$": "port", "of": "b"}
_HERE = "127.0.0.1"
_NUMBERS: tuple[Any, ...] = (0, 1, -1, 9, 255, 256, 65_535, 65_536, 1.5, -0.5, 10**10, 2**31, 2**32)
_NUMBERS += tuple({"$": "number", "text": text} for text in ("NaN", "Infinity", "-Infinity"))
_TEXTS: tuple[str, ...] = (
    "",
    "9",
    "0x10",
    " 9 ",
    "1e3",
    "abc",
    _HERE,
    "::1",
    "0.0.0.0",
    "1.2.3",
    "224.0.0.114",
)
_TEXTS += ("good.name", "bad.name", "127.0.0.1\0x", "ff02::114%lo")
_OTHERS: tuple[Any, ...] = (None, True, False, {}, {"a": 1}, ["a"], [1], [], _CALL)
_OTHERS += ({"$": "bytes", "text": "abc"}, {"$": "words", "size": 3}, {"$": "view", "size": 3})
_PLAIN = (*_NUMBERS, *_TEXTS, None, True, False, _CALL)
_ANY = (*_PLAIN, *_OTHERS)

_STATES: dict[str, list[list[Operation]]] = {
    "unbound": [[]],
    "being bound": [[["bind", 0, _HERE]]],
    "bound": [[["bind", 0, _HERE]], []],
    "connecting": [[["bind", 0, _HERE]], [["connect", _PEER]]],
    "connected": [[["bind", 0, _HERE]], [["connect", _PEER]], []],
    "disconnected": [[["bind", 0, _HERE]], [["connect", _PEER]], [["disconnect"]]],
    "closed": [[["bind", 0, _HERE]], [["close"]]],
}
_BOUND = ("bound", "connected", "disconnected", "closed")

# What is called, with `...` where the argument stands, and what that may be.
_CALLS: list[tuple[Operation, tuple[Any, ...]]] = [
    (["bind", ...], _PLAIN),
    (["bind", 0, _HERE, ...], _ANY),
    (["bind", {"port": ...}], _PLAIN),
    (["bind", {"port": 0, "exclusive": ...}], _ANY),
    (["connect", ...], _ANY),
    (["connect", _PEER, ..., _CALL], (*_NUMBERS, *_TEXTS, True, False)),
    (["send", ..., _PEER, _HERE, _CALL], _ANY),
    (["send", "x", ..., _HERE, _CALL], _PLAIN),
    (["send", "x", _PEER, ..., _CALL], _ANY),
    (["send", "abc", ..., 1, _PEER, _HERE, _CALL], _PLAIN),
    (["send", "abc", 1, ..., _PEER, _HERE, _CALL], _PLAIN),
    (["send", "abc", 1, 1, ..., _HERE, _CALL], _PLAIN),
    (["send", "abc", 1, 1, _PEER, ..., _CALL], _PLAIN),
    (["send", ..., _CALL], _ANY),
    (["sendto", ..., 0, 1, _PEER, _HERE, _CALL], _ANY),
    (["sendto", "abc", ..., 1, _PEER, _HERE, _CALL], _ANY),
    (["sendto", "abc", 0, ..., _PEER, _HERE, _CALL], _ANY),
    (["sendto", "abc", 0, 1, ..., _HERE, _CALL], _ANY),
    (["sendto", "abc", 0, 1, _PEER, ..., _CALL], _ANY),
    (["close", ...], _ANY),
    (["setBroadcast", ...], _ANY),
    (["setTTL", ...], _ANY),
    (["setMulticastTTL", ...], _ANY),
    (["setMulticastLoopback", ...], _PLAIN),
    (["setMulticastInterface", ...], _ANY),
    (["setRecvBufferSize", ...], _ANY),
    (["setSendBufferSize", ...], _ANY),
]
_CALLBACK: tuple[Operation, tuple[Any, ...]] = (["send", "x", _PEER, _HERE, ...], _ANY)
_MEMBERSHIPS: list[tuple[Operation, tuple[Any, ...]]] = []
for _name in ("add", "drop"):
    _MEMBERSHIPS += [
        ([f"{_name}Membership", ...], _PLAIN),
        ([f"{_name}Membership", "224.0.0.114", ...], _PLAIN),
        ([f"{_name}SourceSpecificMembership", ..., "232.0.0.1"], _ANY),
        ([f"{_name}SourceSpecificMembership", _HERE, ...], _ANY),
        ([f"{_name}SourceSpecificMembership", _HERE, "232.0.0.1", ...], _PLAIN),
    ]


def program(seed: int) -> Program:
    """One socket, one call, and what can be done with the socket afterwards."""
    random = Random(f"odd {seed}")
    state = random.choice(list(_STATES))
    calls = list(_CALLS)
    if state in _BOUND:  # before, a group may change the family of Node's socket
        calls += _MEMBERSHIPS
    if state != "connecting":  # an error that has no callback is an event here alone
        calls.append(_CALLBACK)
    call, arguments = random.choice(calls)
    argument = random.choice(arguments)
    steps: list[list[Operation]] = [[["b", "bind", 0, _HERE]]]
    steps += [[["a", *operation] for operation in step] for step in _STATES[state]]
    steps[-1].append(["a", *(_with(part, argument) for part in call)])
    steps += [[["a", "bind", 0, _HERE]], [["a", "connect", _PEER, _CALL]]]
    one, other = {"type": "udp4", "lookup": "tick"}, {"type": "udp4"}
    return {"sockets": {"a": {"options": one}, "b": {"options": other}}, "steps": steps}


def _with(part: Any, argument: Any) -> Any:
    if isinstance(part, dict):
        return {name: _with(inner, argument) for name, inner in part.items()}
    return argument if part is ... else part
