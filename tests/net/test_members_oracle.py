"""Every public member of Node's `net`, `dgram` and `cluster`, and of what their classes inherit, is
here or is explained.

What nodenet leaves out stands in docs/differences-from-node.rst, in a table of its own, with the
reason. This test reads that table: what is in it must not exist, and all else must.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from oracle import Oracle

from nodenet import cluster, dgram, events, net, streams
from nodenet.cluster._fork import ChildProcess

PAGE = Path(__file__).parents[2] / "docs/differences-from-node.rst"

_CHILD = """
Object.assign(new (require('child_process').ChildProcess)(),
              { channel: 0, connected: 0, disconnect: 0, send: 0 })
"""

SUBJECTS: dict[str, tuple[str, Any]] = {
    "net": ("net", net),
    "net.Socket": ("net.Socket", net.Socket),
    "net.Server": ("net.Server", net.Server),
    "net.BlockList": ("net.BlockList", net.BlockList),
    "net.SocketAddress": ("net.SocketAddress", net.SocketAddress),
    "dgram": ("dgram", dgram),
    "dgram.Socket": ("dgram.createSocket('udp4')", dgram.Socket),
    "streams.Readable": ("stream.Readable", streams.Readable),
    "streams.Writable": ("stream.Writable", streams.Writable),
    "streams.Duplex": ("stream.Duplex", streams.Duplex),
    "events": ("events", events),
    "events.EventEmitter": ("new events.EventEmitter()", events.EventEmitter),
    "cluster": ("require('cluster')", cluster),
    "cluster.Worker": ("new (require('cluster').Worker)()", cluster.Worker),
    "cluster.ChildProcess": (_CHILD, ChildProcess),
}

CLUSTERED = (cluster.Worker, ChildProcess)
"""What only `cluster.fork` makes."""

_JS = """
const subject = %s
const names = new Set()
const members = object => {
  for (; object && object !== Object.prototype; object = Object.getPrototypeOf(object)) {
    Object.getOwnPropertyNames(object).forEach(name => names.add(name))
  }
}
if ([events, net, dgram].includes(subject)) {
  Object.keys(subject).forEach(name => names.add(name))
} else if (typeof subject === 'function') {
  members(new subject())
  Object.keys(subject).forEach(name => names.add(name))
} else {
  members(subject)
}
const other = /^_|^(constructor|length|name|prototype)$/
t('members', [...names].sort().filter(name => !other.test(name)))
"""


def leftOut() -> dict[str, set[str]]:
    """The members that the page names, by their subject."""
    section = PAGE.read_text(encoding="utf-8").partition("Members left out\n")[2]
    table = re.split(r"\n[A-Z][^\n]*\n-{3,}\n", section)[0]
    found: dict[str, set[str]] = {name: set() for name in SUBJECTS}
    for cell in re.findall(r"^   \* - (.*(?:\n       .*)*)", table, re.MULTILINE)[1:]:
        for name in re.findall(r"``([\w.]+)``", cell.partition("\n     - ")[0]):
            subject, _, member = name.rpartition(".")
            found[subject].add(member)
    return found


def exists(subject: Any, member: str) -> bool:
    """Whether the module, the class, or an instance of it has `member`."""
    if hasattr(subject, member) or not isinstance(subject, type):
        return hasattr(subject, member)
    declared = any(member in vars(base).get("__annotations__", {}) for base in subject.__mro__)
    if declared or issubclass(subject, CLUSTERED):
        return declared
    return hasattr(subject("udp4") if subject is dgram.Socket else subject(), member)


@pytest.mark.parametrize("name", SUBJECTS)
def test_each_public_member_is_here_or_explained(oracle: Oracle, name: str) -> None:
    javascript, subject = SUBJECTS[name]
    (line,) = oracle.node(_JS % javascript)
    members = set(re.findall(r"'(\w+)'", line))
    missing = {member for member in members if not exists(subject, member)}
    assert missing == leftOut()[name] & members


@pytest.mark.parametrize("name", SUBJECTS)
def test_what_is_said_to_be_left_out_is_left_out(name: str) -> None:
    _, subject = SUBJECTS[name]
    assert not [member for member in leftOut()[name] if exists(subject, member)]
