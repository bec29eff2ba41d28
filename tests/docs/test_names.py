"""The names that the cookbook puts side by side exist: each is looked up where it is said to be."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import json
import re
import socket
import subprocess
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import defer, endpoints, error, interfaces, protocol, task
from twisted.protocols import policies

import nodenet
from nodenet import abort, cluster, dgram, dns, errors, events, net, streams
from nodenet import endpoints as strings
from nodenet.events import declaredEvents
from nodenet.options import declarations
from nodenet.streams import _options as stream_options

PAGE = Path(__file__).parents[2] / "docs" / "cookbook" / "names.rst"
ROW = re.compile(r"^   (.+\|.+\|.+\|.+)$", re.MULTILINE)
LITERAL = re.compile(r"``(.+?)``")

NODENET: dict[str, list[Any]] = {
    "nodenet": [nodenet],
    "net": [net],
    "dgram": [dgram],
    "events": [events],
    "streams": [streams],
    "cluster": [cluster],
    "abort": [abort],
    "errors": [errors],
    "endpoints": [strings],
    "dns": [dns],
    "emitter": [events.EventEmitter],
    "server": [net.Server],
    "socket": [net.Socket(), socket],
    "udp": [dgram.Socket],
    "reactor": [interfaces.IReactorTime],
    "warnings": [warnings],
}
TWISTED: dict[str, list[Any]] = {
    "reactor": [
        interfaces.IReactorTCP,
        interfaces.IReactorUNIX,
        interfaces.IReactorUDP,
        interfaces.IReactorTime,
        interfaces.IReactorFDSet,
        interfaces.IReactorProcess,
        interfaces.IReactorPluggableNameResolver,
    ],
    "transport": [interfaces.ITCPTransport, interfaces.IPushProducer, interfaces.IConsumer],
    "port": [interfaces.IListeningPort],
    "udpTransport": [interfaces.IUDPTransport],
    "multicast": [interfaces.IMulticastTransport],
    "protocol": [protocol],
    "Protocol": [protocol.Protocol],
    "DatagramProtocol": [protocol.DatagramProtocol],
    "factory": [protocol.Factory],
    "endpoints": [endpoints],
    "Deferred": [defer.Deferred],
    "defer": [defer],
    "error": [error],
    "interfaces": [interfaces],
    "policies": [policies],
    "task": [task],
    "warnings": [warnings],
}
ASYNCIO: dict[str, list[Any]] = {
    "asyncio": [asyncio],
    "loop": [asyncio.AbstractEventLoop],
    "warnings": [warnings],
    "socket": [socket],
}
ROOTS = [NODENET, TWISTED, ASYNCIO]

FUNCTIONS: list[Any] = [
    asyncio.start_server,
    asyncio.AbstractEventLoop.create_server,
    asyncio.AbstractEventLoop.create_connection,
    asyncio.AbstractEventLoop.create_datagram_endpoint,
]
WORDS: list[set[str]] = [
    {
        option
        for declared in (
            *(getattr(net._options, f"{one}Options") for one in ("Socket", "Connect", "Server")),
            net._options.ListenOptions,
            dgram.SocketOptions,
            dgram.BindOptions,
            stream_options.DuplexOptions,
        )
        for option in declarations(declared)
    }
    | {"timeout", "interface", "path", "async def", "async for", "NODENET_DEBUG"}
    | {"Deferred", "twistd nodenet run"},
    {"bufferSize", "timeout", "interface", "backlog", "listenMultiple", "transport", "twistd"}
    | {"Deferred", "listen"},
    {parameter for function in FUNCTIONS for parameter in inspect.signature(function).parameters}
    | {"await", "PYTHONASYNCIODEBUG"},
]

KNOWN_EVENTS = {
    event.name
    for emitter in (net.Server, net.Socket, dgram.Socket)
    for event in declaredEvents(emitter)
}


def cells() -> list[list[str]]:
    """The rows of all tables, cell by cell."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def exists(owner: Any, path: list[str]) -> bool:
    for name in path:
        if isinstance(owner, type(interfaces.ITransport)):
            if name not in owner.names(all=True):
                return False
            owner = owner[name]
            continue
        if not hasattr(owner, name):
            return False
        owner = getattr(owner, name)
    return True


def isModule(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def known(column: int, literal: str) -> bool:
    root, *path = literal.split(".")
    if literal in WORDS[column] or hasattr(builtins, literal):
        return True
    if any(exists(owner, path) for owner in ROOTS[column].get(root, [])):
        return True
    return isModule(literal)


@pytest.mark.parametrize("column", [0, 1, 2], ids=["nodenet", "twisted", "asyncio"])
def test_every_name_exists(column: int) -> None:
    literals = [literal for row in cells() for literal in LITERAL.findall(row[column + 1])]
    plain = [literal for literal in literals if not literal.startswith("'")]
    assert [literal for literal in plain if not known(column, literal)] == []
    told = {literal.strip("'") for literal in literals if literal.startswith("'")}
    assert told <= KNOWN_EVENTS
    assert len(plain) > 60


NODE = """
const net = require('net'), dgram = require('dgram'), events = require('events');
const stream = require('stream'), cluster = require('cluster');
const udp = dgram.createSocket('udp4'), socket = new net.Socket(), server = new net.Server();
const emitter = new events.EventEmitter();
const missing = JSON.parse(process.argv[1]).filter(name => {
  const path = name.split('.'), last = path.pop();
  const owner = eval(path.join('.') || 'globalThis');
  return !(last in owner);
});
console.log(JSON.stringify(missing));
udp.close();
"""


def test_every_name_of_nodes_exists(node: Path) -> None:
    literals = {literal for row in cells() for literal in LITERAL.findall(row[0])}
    names = sorted(name for name in literals if re.fullmatch(r"\w+(\.\w+)+", name))
    names.remove("server.maxConnections")  # Node has it once it is set
    assert len(names) > 60
    done = subprocess.check_output([node, "-e", NODE, json.dumps(names)], text=True, timeout=60)
    assert json.loads(done) == []


def test_every_row_names_something_of_nodenets_or_says_that_there_is_nothing() -> None:
    assert all(row[1] for row in cells())
    assert len(cells()) > 100
