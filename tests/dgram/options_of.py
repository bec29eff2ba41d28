"""A program for `test_system_calls_oracle`: the same as options_of.js."""

from __future__ import annotations

import json
import sys
from typing import Any

from nodenet import dgram, run

scenarios: list[dict[str, Any]] = json.loads(sys.argv[1])


def following() -> None:
    """Make a socket, tune it, have it a peer if one is given, close it; then the next."""
    if not scenarios:
        return
    scenario = scenarios.pop(0)
    socket = dgram.createSocket(scenario["options"])
    socket.on("close", following)

    def bound() -> None:
        for name, *args in scenario["calls"]:
            try:
                getattr(socket, name)(*args)
            except OSError:
                pass  # refused by the system, which the trace shows
        if not scenario["peer"]:
            socket.close()
            return

        def connected() -> None:
            socket.disconnect()
            socket.close()

        port, address = scenario["peer"]
        socket.connect(port, address, connected)

    if scenario["place"]:
        socket.bind(scenario["place"], bound)
    else:
        bound()


run(following)
