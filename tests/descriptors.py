"""How many descriptors this process has open, and what happens when it may open nothing more."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


def descriptors() -> int:
    """How many are open."""
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def noMoreDescriptors(spare: int = 0) -> Iterator[None]:
    """Let this process open `spare` descriptors and then no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        # The limit is on the number, so the free numbers below it are used up first.
        highest = max(map(int, os.listdir("/proc/self/fd"))) + 1
        while True:
            fd = os.open(os.devnull, os.O_RDONLY)
            stack.callback(os.close, fd)
            if fd >= highest:
                break
        resource.setrlimit(resource.RLIMIT_NOFILE, (fd + 1 + spare, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
