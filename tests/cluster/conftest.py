"""Programs of several processes, on real Node and on nodenet."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_plays import Plays


@pytest.fixture
def plays(node: Path) -> Plays:
    """Runs programs and compares them."""
    return Plays(node)


@pytest.fixture
def alone() -> Plays:
    """Runs programs on nodenet alone."""
    return Plays(None)
