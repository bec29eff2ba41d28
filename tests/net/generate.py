"""Makes random programs for `programs`: the same ones for the same seed.

Law: what a program does depends on nothing but the program, as far as the kernel allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from net.programs import Operation, Program

SOCKET_EVENTS = (
    "lookup",
    "connectionAttempt",
    "connectionAttemptFailed",
    "connect",
    "ready",
    "end",
    "finish",
    "prefinish",
    "drain",
    "timeout",
    "pause",
    "resume",
    "pipe",
    "unpipe",
    "error",
    "close",
)
SERVER_EVENTS = ("listening", "connection", "drop", "error", "close")
SOCKET_PROPERTIES = (
    "readyState",
    "pending",
    "connecting",
    "destroyed",
    "closed",
    "errored",
    "readable",
    "readableAborted",
    "readableDidRead",
    "readableEnded",
    "readableEncoding",
    "readableFlowing",
    "readableHighWaterMark",
    "readableLength",
    "isPaused",
    "writable",
    "writableCorked",
    "writableEnded",
    "writableFinished",
    "writableHighWaterMark",
    "writableLength",
    "writableNeedDrain",
    "allowHalfOpen",
    "bufferSize",
    "bytesRead",
    "bytesWritten",
    "timeout",
    "localAddress",
    "localPort",
    "localFamily",
    "remoteAddress",
    "remotePort",
    "remoteFamily",
    "autoSelectFamilyAttemptedAddresses",
    "address",
)
SERVER_PROPERTIES = (
    "listening",
    "address",
    "maxConnections",
    "allowHalfOpen",
    "pauseOnConnect",
    "noDelay",
    "keepAlive",
    "keepAliveInitialDelay",
    "highWaterMark",
)
# With large writes the kernel decides how much waits where.
VARYING = ("readableLength", "writableLength", "bufferSize", "bytesRead", "bytesWritten")

_BYTES = ("a", "bc", "def", "", "ghijklmnop", "\xc3\xa9\xe2\x82\xac")
# Node counts the characters of text that waits, so these have as many as bytes.
_TEXTS = ("a", "bc", "def", "", "ghijklmnop")
_ENCODINGS = ("utf8", "hex", "base64", "latin1", "ucs2", "ascii")
_WRITTEN = ("utf8", "latin1", "ascii")
_LARGE = (20_000, 100_000, 1_000_000, 6_000_000)  # the last is more than two sockets hold

_REACTIONS = {
    "lookup": 0.1,
    "connect": 0.2,
    "ready": 0.1,
    "data": 0.2,
    "end": 0.2,
    "prefinish": 0.1,
    "finish": 0.1,
    "drain": 0.1,
    "timeout": 0.1,
    "pause": 0.1,
    "resume": 0.1,
    "readable": 0.1,
    "error": 0.1,
    "close": 0.1,
}

_SOCKET_WEIGHTS = {
    "tick": 5,
    "micro": 1,
    "write": 30,
    "end": 12,
    "destroy": 4,
    "destroySoon": 3,
    "resetAndDestroy": 2,
    "pause": 5,
    "resume": 6,
    "isPaused": 1,
    "cork": 4,
    "uncork": 5,
    "setEncoding": 2,
    "setDefaultEncoding": 1,
    "setTimeout": 2,
    "setNoDelay": 1,
    "setKeepAlive": 1,
    "ref": 1,
    "unref": 1,
    "read": 4,
    "readAll": 1,
    "unshift": 2,
    "push": 1,
    "on": 4,
    "off": 2,
    "removeAllListeners": 1,
    "pipe": 2,
    "unpipe": 1,
    "connect": 3,
    "abort": 1,
    "watch": 2,
    "get": 1,
}
_SERVER_WEIGHTS = {
    "close": 5,
    "listen": 4,
    "getConnections": 6,
    "ref": 1,
    "unref": 1,
    "get": 2,
    "set": 3,
    "abort": 1,
}

# What is chosen among where an operation has arguments of its own.
_ARGUMENTS: dict[str, tuple[list[Any], ...]] = {
    "setEncoding": tuple([encoding] for encoding in _ENCODINGS),
    "setDefaultEncoding": tuple([encoding] for encoding in _WRITTEN),
    "setNoDelay": ([], [True], [False]),
    "setKeepAlive": ([], [True], [True, 1000], [False]),
    "read": ([], [], [0], [1], [2], [5]),
    "unshift": (["XY"], ["Z"], [""]),
    "push": ([{"bytes": "P"}],),
    "on": (["data"], ["data"], ["readable"]),
    "off": (["data"], ["data"], ["readable"]),
    "removeAllListeners": (["data"], ["readable"], ["timeout"], ["drain"]),
    "get": (["bufferSize"], ["readyState"], ["remoteAddress"]),
}

_BAD: tuple[Operation, ...] = (
    ["write", None],
    ["write", 5],
    ["write", {"a": 1}],
    ["write", []],
    ["write", True],
    ["write", "x", "nope"],
    ["write", "x", "utf8", "nope"],
    ["end", 5],
    ["end", "x", "nope"],
    ["end", None],
    ["end", None, None],
    ["setEncoding", "nope"],
    ["setEncoding", None],
    ["setDefaultEncoding", "nope"],
    ["setTimeout", "x"],
    ["setTimeout", -1],
    ["setTimeout", None],
    ["setTimeout", 5_000, "nope"],
    ["read", -1],
    ["read", 2_000_000_000],
    ["read", "x"],
    ["read", 1.5],
    ["unshift", 5],
    ["push", 5],
    ["push", ""],
    ["setKeepAlive", "x"],
    ["setNoDelay", 0],
)


def complete(program: Program) -> Program:
    """A program with all that it must say."""
    parties: dict[str, Any] = {operation[0]: {} for step in program["steps"] for operation in step}
    return {
        "name": "it",
        "unix": False,
        "large": False,
        "slow": False,
        "accepted": {},
        "socketEvents": SOCKET_EVENTS,
        "serverEvents": SERVER_EVENTS,
        "socketProperties": SOCKET_PROPERTIES,
        "serverProperties": SERVER_PROPERTIES,
        **program,
        "parties": parties | program.get("parties", {}),
    }


class Generator:
    """Makes the program of a seed.

    A listener acts on its own socket or server alone: when the others hear of that is for the
    kernel to say.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(f"net {seed}")
        self.name = f"{seed}"
        self.large = self.chance(0.12)
        self.slow = self.chance(0.08)
        self.unix = self.chance(0.35)
        self.bad = self.chance(0.25)
        self.depth = 0
        self.clients = [f"c{number}" for number in range(self.choice((1, 1, 1, 2, 3)))]
        self.accepted = [f"a{number}" for number in range(len(self.clients))]
        self.servers = ["s0", "s1"] if self.chance(0.15) else ["s0"]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def choice(self, among: Sequence[Any]) -> Any:
        return self.random.choice(among)

    def weighted(self, weights: dict[str, int]) -> str:
        return self.random.choices(list(weights), list(weights.values()))[0]

    # -- the program ------------------------------------------------------------------------

    def program(self) -> Program:
        parties = {name: self.server(name) for name in self.servers}
        parties |= {name: self.client(name) for name in self.clients}
        steps: list[list[Operation]] = [
            [[name, "make"], self.listen(name)] for name in self.servers
        ]
        for name in self.clients:
            begins = self.begins(name, parties[name])
            if self.chance(0.7):
                steps.append(begins)
            else:
                steps[-1].extend(begins)
        for _ in range(self.random.randint(1, 6)):
            among = self.clients + self.accepted if self.chance(0.85) else self.servers
            steps.append(self.several(self.choice(among), 1, 4))
        return complete(
            {
                "name": self.name,
                "unix": self.unix,
                "large": self.large,
                "slow": self.slow,
                "parties": parties,
                "accepted": {name: self.connection(name) for name in self.accepted},
                "steps": steps,
                "socketProperties": self.properties(),
            }
        )

    def properties(self) -> tuple[str, ...]:
        if self.chance(0.1):  # looking changes some of them
            return ("destroyed", "readyState")
        if self.large:
            return tuple(name for name in SOCKET_PROPERTIES if name not in VARYING)
        return SOCKET_PROPERTIES

    def begins(self, name: str, description: dict[str, Any]) -> list[Operation]:
        """A client is made and connects."""
        step: list[Operation] = [[name, "make"]]
        if "connects" not in description:
            step += self.several(name, 0, 1) if self.chance(0.25) else []
            if self.chance(0.95):
                step.append([name, "connect", self.connect()])
        return step + (self.several(name, 1, 2) if self.chance(0.5) else [])

    # -- parties ----------------------------------------------------------------------------

    def server(self, name: str) -> dict[str, Any]:
        options: dict[str, Any] = {"noDelay": True, **self.common()}
        for option in ("pauseOnConnect", "keepAlive"):
            if self.chance(0.15):
                options[option] = True
        if self.chance(0.05):
            address = self.choice(("127.0.0.1", "127.0.0.2"))
            options["blockList"] = {"list": [[address, "ipv4"]]}
        return {"options": options, "reactions": self.reactions(name, SERVER_EVENTS, 0.12)}

    def client(self, name: str) -> dict[str, Any]:
        options = self.common()
        if self.chance(0.05):
            options["signal"] = {"signal!": 1}
        if self.chance(0.06):
            options["onread"] = {"onread!": self.reading()}
        if self.chance(0.03):
            options["blockList"] = {"list": [["127.0.0.1", "ipv4"]]}
        if self.chance(0.1):
            options["keepAlive"] = True
        made: dict[str, Any] = {"options": options, **self.connection(name)}
        made.pop("begin", None)
        if self.chance(0.25):
            made["connects"] = self.connect()
            if self.slow and self.chance(0.3):
                made["connects"]["timeout"] = 10
        return made

    def common(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self.chance(0.35):
            options["allowHalfOpen"] = True
        if self.chance(0.15):
            options["highWaterMark"] = self.choice((1, 4, 16, 100_000))
        return options

    def reading(self) -> dict[str, Any]:
        """An `onread`."""
        answers = [self.choice((True, True, None, False)) for _ in range(3)]
        size = self.choice((1, 4, 1000))
        return {"size": size, "answers": answers, "several": self.chance(0.5)}

    def connection(self, name: str) -> dict[str, Any]:
        """What a socket listens to, and does when it hears it."""
        hears = self.choice(("data", "data", "data", "data", "readable", None))
        made: dict[str, Any] = {"reactions": self.reactions(name, _REACTIONS, 1)}
        if self.large:
            made["reactions"].pop("data", None)  # of chunks there are as many as the kernel likes
        if hears:
            made["hears"] = hears
        if hears == "readable":
            made["reactions"]["readable"] = [
                [[name, "readAll"]] if self.chance(0.7) else self.operations(name, 2)
                for _ in range(6)
            ]
        if self.chance(0.35):
            made["begin"] = self.operations(name, 3)
        return made

    def reactions(
        self, name: str, events: Iterable[str], probability: float
    ) -> dict[str, list[list[Operation]]]:
        found = {}
        for event in events:
            if self.chance(
                probability * _REACTIONS.get(event, 1) if name[0] != "s" else probability
            ):
                times = self.choice((1, 1, 2))
                found[event] = [self.operations(name, 2) for _ in range(times)]
        return found

    # -- operations -------------------------------------------------------------------------

    def several(self, name: str, fewest: int, most: int) -> list[Operation]:
        return [self.operation(name) for _ in range(self.random.randint(fewest, most))]

    def operations(self, name: str, most: int) -> list[Operation]:
        """What a listener or a callback does."""
        self.depth += 1
        made = self.several(name, 1, most) if self.depth < 4 else []
        self.depth -= 1
        return made

    def operation(self, name: str) -> Operation:
        if name[0] == "s":
            return self.serving(name, self.weighted(_SERVER_WEIGHTS))
        if self.bad and self.chance(0.1):
            return [name, *self.choice(_BAD)]
        return self.acting(name, self.weighted(_SOCKET_WEIGHTS))

    def acting(self, name: str, op: str) -> Operation:
        """What a socket does."""
        make = getattr(self, f"to_{op}", None)
        if make is not None:
            args = make(name)
        else:
            args = self.choice(_ARGUMENTS.get(op, ([],)))
        if op == "connect" and name[0] == "a":
            return [name, "isPaused"]  # two that send back what they get would go on for ever
        return [name, op, *args]

    def serving(self, name: str, op: str) -> Operation:
        """What a server does."""
        match op:
            case "listen":
                return self.listen(name)
            case "close" | "getConnections":
                called = op == "getConnections" or self.chance(0.5)
                return [name, op, *([self.call(name)] if called else [])]
            case "get":
                return [name, op, "listening"]
            case "set":
                return [name, op, "maxConnections", self.choice((0, 1, 2, None))]
        return [name, op]

    def listen(self, name: str) -> Operation:
        if self.chance(0.05):
            return [name, "listen", self.choice(({"port": 70_000}, {"port": -1}, {}))]
        where: dict[str, Any] = {"to": name if self.unix else "any"}
        if not self.unix and name == "s1":
            where["to"] = self.choice(("any", "s0"))
        if self.chance(0.05):
            where["signal"] = {"signal!": 1}
        if self.chance(0.1):
            where["exclusive"] = True
        return [name, "listen", where, *([self.call(name)] if self.chance(0.3) else [])]

    def connect(self) -> dict[str, Any]:
        where: dict[str, Any] = {"to": self.choice(self.servers)}
        if self.chance(0.07):
            where["to"] = "nobody"
        if self.unix:
            return where
        where["noDelay"] = True
        if self.chance(0.06):
            where["host"] = "localhost"
        if self.chance(0.05):
            where["localAddress"] = self.choice(("127.0.0.1", "127.0.0.3", "::1"))
        if self.chance(0.1):
            where["autoSelectFamily"] = self.chance(0.5)
        if self.chance(0.05):
            where["family"] = self.choice((4, 6, 0))
        return where

    def call(self, name: str) -> dict[str, Any]:
        return {"call": self.operations(name, 2) if self.chance(0.25) else []}

    def chunk(self) -> Any:
        if self.large and self.chance(0.4):
            size = self.choice(_LARGE)
            return {"repeat": "x", "times": size} if self.chance(0.3) else {"fill": size}
        if self.chance(0.6):
            return {"bytes": self.choice(_BYTES)}
        return self.choice(_TEXTS)

    # -- the arguments of operations --------------------------------------------------------

    def to_tick(self, name: str) -> list[Any]:
        return self.operations(name, 2)

    to_micro = to_tick

    def to_write(self, name: str) -> list[Any]:
        args = [self.chunk()]
        if isinstance(args[0], str) and self.chance(0.1):
            args.append(self.choice(_WRITTEN))
        return [*args, self.call(name)] if self.chance(0.4) else args

    def to_end(self, name: str) -> list[Any]:
        if self.chance(0.5):
            return self.to_write(name)
        return [self.call(name)] if self.chance(0.4) else []

    def to_destroy(self, name: str) -> list[Any]:
        return list(self.choice(([], [{"error": f"{name} destroyed"}], [None])))

    def to_setTimeout(self, name: str) -> list[Any]:
        args = [self.choice((8, 8, 0, 10_000) if self.slow else (0, 10_000))]
        return [*args, self.call(name)] if self.chance(0.3) else args

    def to_pipe(self, name: str) -> list[Any]:
        # Only servers send back what they get: else that would go on for ever.
        to = name if name[0] == "a" else "nobody"
        return [to, {"end": False} if self.chance(0.3) else None]

    def to_unpipe(self, name: str) -> list[Any]:
        return [name]

    def to_connect(self, name: str) -> list[Any]:
        return [self.connect(), *([self.call(name)] if self.chance(0.3) else [])]

    def to_watch(self, name: str) -> list[Any]:
        names = ("readable", "writable", "error")
        return [{option: self.chance(0.5) for option in names if self.chance(0.25)}]
