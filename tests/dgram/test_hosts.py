"""Several hosts: multicast, broadcast, link-local addresses and links that are full, for real.

Each scenario of `hosts.py` runs in network namespaces of its own; where the machine allows no such
thing it is skipped, with what the machine says to it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

BOTH = ["interface", "two_receivers", "sources", "reach"]
ONE = ["link_local", "broadcast", "full", "runs"]
SCENARIOS = [(name, family) for name in BOTH for family in (0, 1)] + [(name, 0) for name in ONE]

ISOLATED = ["unshare", "--user", "--map-root-user", "--net"]


@cache
def refusal() -> str:
    """Why there can be no hosts here; empty when there can."""
    for tool in ("unshare", "ip"):
        if shutil.which(tool) is None:
            return f"there is no `{tool}`"
    trial = ["ip", "link", "add", "one", "type", "veth", "peer", "name", "two"]
    done = subprocess.run([*ISOLATED, *trial], capture_output=True, text=True, check=False)
    return done.stderr.strip() or (f"status {done.returncode}" if done.returncode else "")


@pytest.mark.parametrize(
    ("scenario", "family"), SCENARIOS, ids=[f"{name}-udp{'46'[f]}" for name, f in SCENARIOS]
)
def test_hosts(scenario, family):
    if refusal():
        pytest.skip(f"no network namespaces: {refusal()}")
    hosts = Path(__file__).with_name("hosts.py")
    done = subprocess.run(
        [*ISOLATED, sys.executable, hosts, scenario, str(family)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
