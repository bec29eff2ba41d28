"""Random programs for sockets, and the machine that runs them; `programs.js` is the same for Node.

Law: a program is plain data. A step is a list of operations that run one after the other, in one
callback of the loop; between two steps everything settles.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from typing import Any

from oracle import Tracer
from oracle_values import encode

from nodenet import abort, dgram
from nodenet.addresses import isIP
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.loop import pollerOf, queueMicrotask

Operation = list[Any]
Program = dict[str, Any]

_EVENTS = ("listening", "connect", "message", "error", "close")
_CHECKED = ("bind", "connect", "send", "sendto", "close")
_DEAD = 9
_FIELDS = ("name", "code", "message", "syscall", "address", "port", "hostname")


def _forgotten(error: Any) -> bool:
    """Whether Node forgets to tell callbacks of an error."""
    canceled = getattr(error, "code", None) == "ECANCELED"
    return canceled or getattr(error, "syscall", None) == "bind" or str(error) == "no bad.bind"


class Made:
    """A socket of a running program."""

    def __init__(self, run: Run, name: str, description: dict[str, Any]) -> None:
        self.run = run
        self.name = name
        self.who = f"{run.index}{name}"
        self.held: list[Callable[[], object]] = []
        self.callbacks = 0
        self.closed = False
        self.socket: Any = None
        self.reactions = {
            event: list(ops) for event, ops in description.get("reactions", {}).items()
        }
        self.controller = abort.AbortController()
        options = self.value(description["options"])
        if "lookup" in options:
            options["lookup"] = self.lookup(description["options"]["lookup"])
        if options.get("signal"):
            options["signal"] = self.controller.signal
        try:
            self.socket = dgram.createSocket(options)
        except Exception as error:
            run.t(f"{self.who} createSocket threw", self.told(error))
            return
        for event in description.get("listens", _EVENTS):
            self.socket.on(event, self._listener(event))

    def _listener(self, event: str) -> Callable[..., None]:
        def listener(*args: Any) -> None:
            if event == "listening":
                self.run.ports[self.name] = self.socket.address().port
            self.run.t(f"{self.who} {event}", *map(self.shown, args))
            self.react(event)

        return listener

    def react(self, event: str) -> None:
        operations = self.reactions.get(event)
        for operation in operations.pop(0) if operations else ():
            self.perform(operation)

    def lookup(self, way: Any) -> Any:
        if not isinstance(way, str):
            return self.value(way)

        def lookup(host: str, family: int, callback: Callable[..., object]) -> None:
            self.run.t(f"{self.who} lookup", host, family)

            def answer() -> None:
                if host == "junk.name":
                    callback(None, "junk", family)
                elif isIP(host):
                    callback(None, host, isIP(host))
                elif host.startswith("good"):
                    callback(None, "127.0.0.1" if family == 4 else "::1", family)
                else:
                    callback(Exception(f"no {host}"))

            if way.startswith("sync"):
                answer()
            elif way.startswith("tick"):
                pollerOf().nextTick(answer)
            elif way == "hold":
                self.held.append(answer)
            else:
                raise Exception(f"{self.who} {way}")

        return lookup

    def value(self, data: Any) -> Any:
        """What stands for a value in a program's data."""
        if isinstance(data, list):
            return [self.value(inner) for inner in data]
        if not isinstance(data, dict):
            return data
        kind = data.get("$")
        if kind is None:
            return {key: self.value(inner) for key, inner in data.items()}
        if kind == "port":
            return self.run.ports.get(data["of"], self.run.sink)
        return self._callback(data.get("do", ())) if kind == "function" else _VALUES[kind](data)

    def _callback(self, operations: list[Operation]) -> Callable[..., None]:
        self.callbacks += 1
        number = self.callbacks

        def callback(*args: Any) -> None:
            if args and (_forgotten(args[0]) or (self.closed and args[0])):
                return
            self.run.t(f"{self.who}.called {number}", *map(self.shown, args))
            self.all(operations)

        return callback

    def shown(self, result: Any) -> Any:
        if result is self.socket:
            return "itself"
        if isinstance(result, BaseException):
            return self.told(result)
        if hasattr(result, "_asdict"):
            # After a bind that failed ours is as unbound as before; after disconnect() it may be.
            if result.port == 0 and result.address in ("0.0.0.0", "::"):
                return "unbound"
            return result._replace(port=self.port(result.port))
        return result

    def port(self, port: int) -> Any:
        names = [name for name, other in self.run.ports.items() if other == port]
        return f"port of {names[0]}" if names else port if port <= _DEAD else "some port"

    def told(self, error: BaseException) -> Any:
        if isinstance(error, ERR_SOCKET_DGRAM_NOT_RUNNING):
            return "closed"
        encoded = encode(error)
        if encoded["syscall"] == "getsockname":
            return "unbound"
        # Ours names the address also where it was left out.
        if encoded["syscall"] == "send":
            return {"code": encoded["code"], "syscall": "send"}
        told = {name: encoded[name] for name in _FIELDS}
        told["message"] = re.sub(
            r":(\d{4,5})$", lambda found: f":{self.port(int(found[1]))}", told["message"]
        )
        if told["port"]:
            told["port"] = self.port(told["port"])
        return told

    def all(self, operations: Any) -> None:
        for operation in operations:
            self.perform(operation)

    def perform(self, operation: Operation) -> None:
        method, *args = operation
        if self.socket is None or (self.closed and method in _CHECKED):
            return
        own = getattr(self, f"_{method}", None)
        if own is not None:
            own(*args)
            return
        label = f"{self.who} {method}"
        given = [self.value(arg) for arg in args]
        try:
            self.run.t(label, self.shown(getattr(self.socket, method)(*given)))
            if method == "close":
                self.closed = True
        except Exception as error:
            self.run.t(label if method == "address" else f"{label} threw", self.told(error))

    # -- what is no method of a socket --------------------------------------------------------

    def _tick(self, *operations: Operation) -> None:
        pollerOf().nextTick(self.all, operations)

    def _microtask(self, *operations: Operation) -> None:
        queueMicrotask(self.all, operations)

    def _found(self) -> None:
        if self.held:
            self.held.pop(0)()

    def _abort(self) -> None:
        if self.run.program["sockets"][self.name]["options"].get("signal"):
            self.closed = True
        self.controller.abort()
        self.run.t(f"{self.who} abort")

    def _throw(self) -> None:
        raise Exception(f"{self.who} threw")


_VALUES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "undefined": lambda data: None,
    "number": lambda data: float(data["text"]),
    "bytes": lambda data: data["text"].encode(),
    "zeros": lambda data: bytes(data["size"]),
    "words": lambda data: array("H", [0] * data["size"]),
    "view": lambda data: memoryview(bytes(data["size"])),
}


class Run:
    """One program."""

    def __init__(self, t: Tracer, index: int, program: Program, sink: int) -> None:
        self.t = t
        self.sink = sink
        self.index = index
        self.program = program
        self.ports: dict[str, int] = {}
        self.made = {}
        for name, description in program["sockets"].items():
            self.made[name] = Made(self, name, description)

    def step(self, number: int) -> bool:
        """Perform a step; whether there was one."""
        steps = self.program["steps"]
        if number == len(steps):
            for made in self.made.values():
                made.perform(["close"])
            return False
        for name, *operation in steps[number]:
            try:
                self.made[name].perform(operation)
            except Exception as error:
                self.t(f"{self.index} uncaught", getattr(error, "code", None), str(error))
        return True

    def snapshot(self) -> None:
        for made in self.made.values():
            for method in ("address", "remoteAddress", "getSendQueueCount"):
                made.perform([method])


class Machine:
    """Runs programs one after the other."""

    def __init__(self, t: Tracer, programs: list[Program]) -> None:
        self._t = t
        self._programs = programs
        self._labeled = 0
        self._fence = dgram.createSocket("udp4")
        # Takes what is sent to somebody who is not there.
        self._sink = dgram.createSocket("udp6")

    def start(self) -> None:
        """Begin with the first."""
        self._sink.bind(0, lambda: self._fence.bind(0, "127.0.0.1", lambda: self._next(0)))

    def _settle(self, index: int, done: Callable[[], object]) -> None:
        """Go on when nothing has happened while several datagrams went round."""
        lines, fence, poller = self._t.lines, self._fence, pollerOf()
        port = fence.address().port
        before, quiet = len(lines), 0

        def heard(msg: bytes, info: object) -> None:
            poller.callLater(0, judge)

        def judge() -> None:
            nonlocal before, quiet
            quiet = quiet + 1 if len(lines) == before else 0
            before = len(lines)
            if quiet < 3:
                fence.send(b"", port, "127.0.0.1")
                return
            fence.removeListener("message", heard)
            for line in lines[self._labeled :]:
                if line.get("label") == "uncaughtException":
                    line["label"] = f"{index} uncaught"
                    error = line["values"][0]
                    line["values"] = [error["code"], error["message"]]
            self._labeled = len(lines)
            done()

        fence.on("message", heard)
        fence.send(b"", port, "127.0.0.1")

    def _next(self, index: int) -> None:
        if index == len(self._programs):
            self._fence.close()
            self._sink.close()
        else:
            port = self._sink.address().port
            self._step(Run(self._t, index, self._programs[index], port), 0)

    def _step(self, run: Run, number: int) -> None:
        def settled() -> None:
            run.snapshot()
            self._step(run, number + 1)

        if run.step(number):
            self._settle(run.index, settled)
        else:
            self._settle(run.index, lambda: self._next(run.index + 1))
