"""Whoever watches a service: what it shows with ``--stats``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from services.exposition import Family, readExposition
from smoke.program import PATIENCE, Program


class Watcher:
    """Reads what a program shows."""

    def __init__(self, program: Program) -> None:
        self.port = int(program.says(r"counters at tcp 127.0.0.1:(\d+)")[1])

    def ask(self, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, PATIENCE)
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    def served(self) -> None:
        """Wait until it serves."""
        deadline = time.monotonic() + PATIENCE
        while self.ask("/health")[0].status != 200:
            assert time.monotonic() < deadline

    def listeners(self) -> dict[str, dict[str, Any]]:
        listeners: dict[str, dict[str, Any]] = json.loads(self.ask("/stats.json")[1])["listeners"]
        return listeners

    def metrics(self) -> dict[str, Family]:
        return readExposition(self.ask("/metrics")[1].decode())

    def until(self, seen: Callable[[dict[str, dict[str, Any]]], bool]) -> dict[str, dict[str, Any]]:
        """The listeners as soon as they are like that: what a client did takes its time."""
        deadline = time.monotonic() + PATIENCE
        while True:
            listeners = self.listeners()
            if seen(listeners):
                return listeners
            assert time.monotonic() < deadline, listeners
