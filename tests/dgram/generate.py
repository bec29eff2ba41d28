"""Makes random programs for `programs`: the same ones for the same seed.

Law: nothing a program does depends on anything but the program. So the operations of a step are
those of one socket, and each socket hears one sender.
"""

from __future__ import annotations

from random import Random
from typing import Any

from dgram.programs import Operation, Program

_HERE = {"udp4": "127.0.0.1", "udp6": "::1"}
_ELSEWHERE = {"udp4": "192.0.2.1", "udp6": "2001:db8::1"}
_GROUP = {"udp4": "224.0.0.114", "udp6": "ff02::114"}
_INTERFACE = {"udp4": "127.0.0.1", "udp6": "::%lo"}
_SOURCE = {"udp4": ("127.0.0.1", "232.0.0.114"), "udp6": ("::1", "ff3e::114")}
_CALL = {"$": "function"}
_SWITCHES = ("setTTL", "setMulticastTTL", "setBroadcast", "setMulticastLoopback")
_EVENTS = ("listening", "connect", "message", "error", "close")


class _Kind:
    """What a socket of a program may do.

    Some of Node's ways are not ours (`docs/differences-from-node.rst`), so a socket that cannot be
    bound does nothing but try, and one whose look-ups answer at once neither connects nor closes:
    what it sends leaves inside `send` in Node.
    """

    def __init__(self, random: Random, name: str) -> None:
        chance = random.random
        self.name = name
        self.type = random.choice(("udp4", "udp4", "udp6"))
        self.fails = chance() < 0.1
        self.looks_up = chance() < 0.3
        ways = ("tick", "tick", "hold", "hold", "sync")
        self.lookup = random.choice(ways[:2] if self.fails else ways)
        self.closes = not self.fails and not (self.looks_up and self.lookup == "sync")
        self.connects = self.closes and chance() < 0.5
        self.early = chance() < 0.6 and not (self.looks_up and self.lookup != "tick")
        self.hears_errors = self.fails or chance() < 0.9
        self.throws = name == "a" and chance() < 0.15
        self.aborts = self.closes and chance() < 0.2


class Generator:
    """Makes programs.

    Args:
        seed: Decides everything.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(f"dgram {seed}")

    def program(self) -> Program:
        """The program."""
        random = self.random
        names = "abc"[: random.choice((1, 1, 2, 3))]
        kinds = [_Kind(random, name) for name in names]
        for kind in kinds:
            kind.type = kinds[0].type
        # Each sends to the next one, so that each hears one sender.
        shift = random.randint(0, len(names) - 1)
        self.peers = {name: names[(i + shift) % len(names)] for i, name in enumerate(names)}
        sockets = {kind.name: self.socket(kind) for kind in kinds}
        early = [kind for kind in kinds if kind.early]
        steps = [[[kind.name, "bind", 0, _HERE[kind.type]]] for kind in early]
        for _ in range(random.randint(1, 6)):
            kind = random.choice(kinds)
            steps.append([[kind.name, *op] for op in self.operations(kind, 4)])
        return {"sockets": sockets, "steps": steps}

    def socket(self, kind: _Kind) -> dict[str, Any]:
        made: dict[str, Any] = {"options": self.options(kind), "reactions": {}}
        if not kind.hears_errors:
            made["listens"] = [event for event in _EVENTS if event != "error"]
        for event in _EVENTS:
            if self.random.random() < 0.3:
                made["reactions"][event] = self.reactions(kind, event)
        return made

    def options(self, kind: _Kind) -> dict[str, Any]:
        chance = self.random.random
        options: dict[str, Any] = {"type": kind.type}
        if kind.looks_up:
            options["lookup"] = kind.lookup
        if chance() < 0.1:
            options["reuseAddr"] = True
        if chance() < 0.1 and (kind.type == "udp6" or kind.fails):
            options["ipv6Only"] = True
        for name in ("recvBufferSize", "sendBufferSize"):
            if chance() < 0.1:
                options[name] = self.random.choice((1, 5_000, 100_000))
        if kind.aborts:
            options["signal"] = True
        return options

    def reactions(self, kind: _Kind, event: str) -> list[list[Operation]]:
        made = [self.operations(kind, 3) for _ in range(self.random.randint(1, 3))]
        throws = kind.throws and event != "listening" and self.random.random() < 0.5
        # Node does what waits for a tick later than usual when something was thrown.
        if throws and made[-1][-1][0] not in ("tick", "microtask"):
            made[-1].append(["throw"])
        return made

    def operations(self, kind: _Kind, most: int) -> list[Operation]:
        made = [self.operation(kind) for _ in range(self.random.randint(1, most))]
        if self.random.random() < 0.15:
            later = [self.operation(kind) for _ in range(self.random.randint(1, 2))]
            made.append([self.random.choice(("tick", "microtask")), *later])
        return made

    def operation(self, kind: _Kind) -> Operation:
        chance = self.random.random()
        if kind.looks_up and kind.lookup == "hold" and chance < 0.25:
            return ["found"]
        if chance < 0.45:
            return self.send(kind)
        if chance < 0.58 or kind.fails:
            return self.bind(kind)
        if chance < 0.72:
            return self.connection(kind)
        if chance < 0.80:
            if kind.aborts and self.random.random() < 0.5:
                return ["abort"]
            return self.random.choice((["close"], ["close", _CALL])) if kind.closes else ["ref"]
        if chance < 0.86:
            return [self.random.choice(("address", "remoteAddress", "ref", "unref"))]
        return self.setting(kind)

    def bind(self, kind: _Kind) -> Operation:
        random = self.random
        here = _HERE[kind.type]
        forms: list[Operation] = [
            ["bind"],
            ["bind", 0],
            ["bind", 0, here],
            ["bind", 0, here, {"$": "function", "do": self.some(kind)}],
            ["bind", {"$": "function", "do": self.some(kind)}],
            ["bind", {"port": 0, "address": here, "exclusive": True}],
            ["bind", {"address": here}, _CALL],
        ]
        if kind.looks_up:
            forms.append(["bind", 0, "good.name"])
        if kind.fails:
            forms += [["bind", 0, _ELSEWHERE[kind.type]], ["bind", 0, _ELSEWHERE[kind.type], _CALL]]
            if kind.looks_up:
                forms.append(["bind", 0, "bad.bind"])
        return random.choice(forms)

    def some(self, kind: _Kind) -> list[Operation]:
        """What a callback does, if anything."""
        return [] if self.random.random() < 0.6 else [self.operation(kind)]

    def connection(self, kind: _Kind) -> Operation:
        random = self.random
        if not kind.connects:
            return ["remoteAddress"]
        # A peer that is not there would refuse what is sent, sooner or later.
        port = {"$": "port", "of": random.choice(("nobody", kind.name))}
        call = {"$": "function", "do": self.some(kind)}
        forms: list[Operation] = [
            ["connect", port],
            ["connect", port, call],
            ["connect", port, _HERE[kind.type]],
            ["connect", port, _HERE[kind.type], call],
            ["connect", random.choice((0, 65_536, -1, "x"))],
            ["disconnect"],
            ["disconnect"],
            ["disconnect"],
            ["remoteAddress"],
        ]
        if kind.looks_up:
            names = ("good.name", "bad.name", "junk.name")
            forms += [["connect", port, name, call] for name in names]
            if kind.hears_errors:
                forms.append(["connect", port, "bad.name"])
        return random.choice(forms)

    def send(self, kind: _Kind) -> Operation:
        random = self.random
        # An error of a datagram without a callback is an event here, and nothing in Node.
        careful = kind.connects or kind.fails
        call = [_CALL] if careful or random.random() < 0.5 else []
        message = self.message()
        if kind.connects and random.random() < 0.5:
            forms: list[Operation] = [
                ["send", message, *call],
                ["send", ["x", message], *call],
                ["send", "abcdef", 1, 3, *call],
                ["send", {"$": "bytes", "text": "abc"}, 0, 9, *call],
            ]
            return random.choice(forms)
        port = {"$": "port", "of": self.peers[kind.name]}
        here = _HERE[kind.type]
        forms = [
            ["send", message, port, *call],
            ["send", message, port, here, *call],
            ["send", message, port, here, *call],
            ["send", [message, "y", {"$": "bytes", "text": "z"}], port, here, *call],
            ["send", "abcdef", 2, 3, port, here, *call],
            ["send", {"$": "words", "size": 2}, 1, 2, port, here, *call],
            ["send", "abcdef", 2, 9, port, here, *call],
            ["sendto", "abcdef", 2, 3, port, here, *call],
            ["send", random.choice((5, None, {}, [1])), port, here, *call],
            ["send", message, random.choice((0, 65_536, None, "x")), here, *call],
            ["send", message, port, random.choice((5, True, {})), *call],
            ["send", {"$": "zeros", "size": 65_536}, port, here, _CALL],
            ["send", message, port, _HERE["udp6" if kind.type == "udp4" else "udp4"], _CALL],
        ]
        if kind.looks_up:
            forms += [["send", message, port, "good.name", *call]] * 2
            forms.append(["send", message, port, "junk.name", _CALL])
            if kind.hears_errors and kind.lookup != "sync":
                forms.append(["send", message, port, "bad.name", *call])
        return random.choice(forms)

    def message(self) -> Any:
        texts = ("a", "bc", "", "é", {"$": "bytes", "text": "bytes"}, {"$": "view", "size": 3})
        return self.random.choice(texts)

    def setting(self, kind: _Kind) -> Operation:
        random, family = self.random, kind.type
        number = random.choice((1, 64, 255, 0, 256, -1, 1.5, "9", None))
        if random.random() < 0.5 or not kind.early:
            name = random.choice(_SWITCHES)
            size = random.choice(("setRecvBufferSize", "setSendBufferSize"))
            get = random.choice(("getRecvBufferSize", "getSendBufferSize"))
            forms: list[Operation] = [
                [name, number],
                [size, random.choice((0, 5_000, 100_000, -1, "5", 1.5))],
                [get],
                ["setMulticastInterface", random.choice((_INTERFACE[family], "x", 5))],
            ]
            return random.choice(forms)
        name = random.choice(("add", "drop"))
        return random.choice(
            (
                [f"{name}Membership", _GROUP[family], _INTERFACE[family]],
                [f"{name}Membership", random.choice((_GROUP[family], "x", "", "127.0.0.1"))],
                [f"{name}SourceSpecificMembership", *_SOURCE[family], _INTERFACE[family]],
                [f"{name}SourceSpecificMembership", random.choice(("x", 5)), _GROUP[family]],
            )
        )
