"""The public modules of nodenet, and the names in each.

Law: whatever module there is belongs here, unless it is told why not; so a new one is documented.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Final

import nodenet

INTERNAL: Final = {
    "nodenet.options": "how options are declared; its page in the reference shows them",
    "nodenet.plugins": "what Twisted finds by itself",
    "nodenet.tap": "command lines of twistd, which have --help",
    "nodenet.transports": "reached through endpoints, and through listenUDP on the page of dgram",
}
"""Modules that are nobody's to import, and why."""

MODULES: Final = ["nodenet"] + [
    name
    for _, name, _ in pkgutil.iter_modules(nodenet.__path__, "nodenet.")
    if name not in INTERNAL
]


def names(module: str) -> list[str]:
    """The public names of a module."""
    found = import_module(module)
    declared: list[str] | None = getattr(found, "__all__", None)
    if declared is not None:
        return declared
    return [
        name
        for name, member in vars(found).items()
        if not name.startswith("_") and getattr(member, "__module__", None) == module
    ]
