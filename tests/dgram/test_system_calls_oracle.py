"""What Node and nodenet tell the kernel of a socket: the same, in the same order.

Both run under ``strace``; where that cannot be had the tests are skipped, with what it says.
"""

from __future__ import annotations

import difflib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
from machine import hasIPv6

HERE = Path(__file__).parent
TRACED = "socket,bind,connect,setsockopt"
STRACE = ["strace", "-f", "-qq", "-s", "300", "-e", f"trace={TRACED}", "-e", "signal=none"]
CALL = re.compile(r"^\d+ +(\w+)\((\d+|AF_INET6?, SOCK_DGRAM)(?:[^,]*, (.*))?\) += (-?\d+)")


@cache
def refusal() -> str:
    """Why nothing can be traced here; empty when it can."""
    if shutil.which("strace") is None:
        return "there is no `strace`"
    done = subprocess.run([*STRACE, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


def told(*command: str | Path) -> dict[str, list[str]]:
    """What a program tells the kernel, by scenario: each opens one UDP socket."""
    with tempfile.NamedTemporaryFile("r") as trace:
        given = json.dumps(list(SCENARIOS.values()))
        subprocess.run([*STRACE, "-o", trace.name, *command, given], check=True, timeout=60)
        lines = trace.read().splitlines()
    names, calls, number = iter(SCENARIOS), {}, ""
    for line in lines:
        match = CALL.match(line)
        if match is None:
            continue
        call, subject, rest, result = match.groups()
        if call == "socket":
            number = result
            own = calls[next(names)] = [subject]
        elif subject == number:
            own.append(f"{call}({rest}) = {result}")
    assert len(calls) == len(SCENARIOS)
    return calls


@pytest.fixture(scope="module")
def traces(node):
    """What both sides tell it."""
    if refusal():
        pytest.skip(f"nothing can be traced: {refusal()}")
    if not hasIPv6():
        pytest.skip("this machine has no IPv6")
    return told(node, HERE / "options_of.js"), told(sys.executable, HERE / "options_of.py")


def scenario(options, *calls, place=(("port", 0), ("address", "127.0.0.1")), peer=None):
    """How a socket is made, bound (None: it is not), tuned, and whom it is connected to."""
    return {"options": options, "place": place and dict(place), "calls": calls, "peer": peer}


FOUR, SIX = {"type": "udp4"}, {"type": "udp6"}
HERE6 = (("port", 0), ("address", "::1"))
EVERYWHERE = (("port", 0),)
GROUP4, GROUP6 = ("239.1.1.1", "127.0.0.1"), ("ff15::1", "::%lo")
TUNING = [
    ["setBroadcast", True],
    ["setBroadcast", False],
    ["setTTL", 5],
    ["setTTL", 0],
    ["setMulticastTTL", 3],
    ["setMulticastTTL", 256],
    ["setMulticastLoopback", False],
    ["setMulticastLoopback", True],
    ["setRecvBufferSize", 30_000],
    ["setSendBufferSize", 40_000],
]
SOURCES4 = ["127.0.0.9", "232.1.1.1", "127.0.0.1"]
SOURCES6 = ["::9", "ff35::1", "::%lo"]

SCENARIOS = {
    "udp4": scenario(FOUR),
    "udp6": scenario(SIX, place=HERE6),
    "everywhere": scenario(SIX, place=EVERYWHERE),
    "reuseAddr": scenario({**FOUR, "reuseAddr": True}),
    "reusePort": scenario({**FOUR, "reusePort": True}),
    "both": scenario({**FOUR, "reuseAddr": True, "reusePort": True}),
    "exclusive": scenario(FOUR, place=(*EVERYWHERE, ("exclusive", True))),
    "ipv6Only": scenario({**SIX, "ipv6Only": True, "reuseAddr": True}, place=EVERYWHERE),
    "buffers": scenario({**FOUR, "recvBufferSize": 5000, "sendBufferSize": 6000}),
    "tuning udp4": scenario(FOUR, *TUNING),
    "tuning udp6": scenario(SIX, *TUNING, place=HERE6),
    "interfaces": scenario(
        FOUR,
        *(["setMulticastInterface", address] for address in ("127.0.0.1", "0.0.0.0", "192.0.2.1")),
    ),
    "interfaces of udp6": scenario(
        SIX,
        *(["setMulticastInterface", address] for address in ("::%lo", "::")),
        place=EVERYWHERE,
    ),
    "groups": scenario(
        FOUR,
        ["addMembership", *GROUP4],
        ["addMembership", *GROUP4],
        ["dropMembership", *GROUP4],
        ["dropMembership", *GROUP4],
        ["addMembership", "239.1.1.2", "192.0.2.1"],
    ),
    "groups of udp6": scenario(
        SIX,
        ["addMembership", *GROUP6],
        ["dropMembership", *GROUP6],
        ["addMembership", "ff15::2"],
        place=EVERYWHERE,
    ),
    "a group before binding": scenario(FOUR, ["addMembership", *GROUP4], place=None),
    "a group of udp6 before binding": scenario(SIX, ["addMembership", *GROUP6], place=None),
    "sources": scenario(
        FOUR,
        ["addSourceSpecificMembership", *SOURCES4],
        ["dropSourceSpecificMembership", *SOURCES4],
        ["dropSourceSpecificMembership", *SOURCES4],
    ),
    "sources of udp6": scenario(
        SIX,
        ["addSourceSpecificMembership", *SOURCES6],
        ["dropSourceSpecificMembership", *SOURCES6],
        place=EVERYWHERE,
    ),
    "a peer": scenario(FOUR, peer=[9, "127.0.0.1"]),
    "a peer before binding": scenario(FOUR, place=None, peer=[9, "127.0.0.1"]),
    "a peer of udp6": scenario(SIX, place=None, peer=[9, "::1"]),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_kernel_is_told_the_same(traces, name):
    expected, actual = (calls[name] for calls in traces)
    if actual != expected:
        diff = difflib.ndiff(expected, actual)
        pytest.fail("\n".join(["Node (-) and nodenet (+) differ:", *diff]), pytrace=False)
