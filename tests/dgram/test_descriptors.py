"""Adopting descriptors."""

from __future__ import annotations

import math

import pytest

from nodenet import events


@pytest.mark.parametrize("fd", [True, 0, 1.5, math.inf, math.nan, "3", 2**31, 2**40])
async def test_what_can_be_no_descriptor_counts_as_none_as_on_node(sockets, fd):
    socket = sockets()
    socket.bind({"fd": fd})
    await events.once(socket, "listening")
    assert socket.address().port > 0
