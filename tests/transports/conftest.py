"""Every test that takes `pair` runs on every kind of link, with epoll and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from links import KINDS, POLLERS, Recorder, pairOf


@pytest.fixture(params=[(kind, poller) for kind in KINDS for poller in POLLERS], ids="-".join)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Recorder, Recorder]]:
    with pairOf(*request.param) as ends:
        yield ends
