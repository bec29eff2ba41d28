"""What a test needs of the machine that it runs on.

Law: tools can be installed, so where ``CI`` is set none may be missing; what a kernel has not got
is no mistake of anybody's, and the test is skipped with the reason.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest


def tool(name: str) -> str:
    """The path of a program; without it the test is skipped, and fails where ``CI`` is set."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"there is no `{name}`, and CI is set", pytrace=False)
        pytest.skip(f"there is no `{name}` here")
    return found


@cache
def hasIPv6() -> bool:
    """Whether ``::1`` can be listened on."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


NEEDS_IPV6 = pytest.mark.skipif(not hasIPv6(), reason="this machine has no IPv6")


@contextmanager
def keptPort(number: int = 0) -> Iterator[int]:
    """A TCP port of 127.0.0.1 where nobody listens, and that nobody else gets.

    Whoever listens with SO_REUSEADDR, as nodenet does, can have it all the same.

    Args:
        number: Which one; 0: any.

    Raises:
        OSError: Somebody has it.
    """
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", number))
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield kept.getsockname()[1]
