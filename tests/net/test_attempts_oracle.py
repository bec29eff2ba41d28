"""The order of attempts, and the error when all fail, against Node."""

from __future__ import annotations

import errno
import json
from itertools import product
from random import Random

from machine import NEEDS_IPV6
from oracle import Oracle, Tracer

from nodenet.errors import NodeError, systemError
from nodenet.net._attempts import Attempts, Failed, Start, plan

Found = tuple[str, int]

# All of them refuse at once; the spellings of ::1 are different addresses for Node.
CHOICES: list[Found] = [
    *(("127.0.0.1", 4), ("127.0.0.2", 4), ("127.0.0.3", 4), ("127.0.0.1", 4)),
    *(("::1", 6), ("0::1", 6), ("::0001", 6), ("::1", 6)),
    *(("zz", 4), ("zz", 6), ("127.0.0.1", 5), ("::1", 0)),
]


def answers() -> list[list[Found]]:
    """Answers of a look-up: every pair, and many longer ones."""
    random = Random(23)
    many = [random.choices(CHOICES, k=random.randint(3, 8)) for _ in range(150)]
    return [*map(list, product(CHOICES, repeat=2)), *many]


@NEEDS_IPV6
async def test_the_attempts_are_those_of_node_in_order(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for found in answers():
            try:
                attempts = Attempts(plan(found, "x.test", 1), 0.25)
            except NodeError as error:
                t("error", error)
                continue
            tried: list[str] = []
            while isinstance(action := attempts.next(0.0), Start):
                target = action.target
                tried.append(str(target))
                attempts.failed(
                    target, systemError(errno.ECONNREFUSED, "connect", target.address, target.port)
                )
            assert isinstance(action, Failed)
            t("error", action.error, tried if len(tried) > 1 else None)

    await oracle.compare(
        f"""
        for (const found of {json.dumps(answers())}) {{
          const addresses = found.map(([address, family]) => ({{ address, family }}))
          const socket = net.connect({{
            host: 'x.test', port: 1, autoSelectFamily: true,
            lookup: (host, options, callback) => process.nextTick(callback, null, addresses),
          }})
          const error = await new Promise((resolve) => socket.on('error', resolve))
          t('error', error, socket.autoSelectFamilyAttemptedAddresses)
        }}
        """,
        scenario,
    )
