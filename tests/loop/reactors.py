"""The reactors that programs of these tests run on."""

from __future__ import annotations

from importlib import import_module

REACTORS = ["epoll", "poll", "select", "asyncio", "uvloop"]


def install(name: str) -> None:
    """Have Twisted use a reactor, before anything imports ``twisted.internet.reactor``."""
    if name == "uvloop":
        import uvloop
        from twisted.internet import asyncioreactor

        asyncioreactor.install(uvloop.new_event_loop())
    else:
        import_module(f"twisted.internet.{name}reactor").install()
