"""What endpoints on Unix sockets have in common: the path, and how an abstract name is written.

Law: inside an endpoint an abstract name begins with ``@``, as in a string; for the kernel with NUL.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from nodenet.endpoints._base import Endpoint
from nodenet.options import SOCKET_PATH, checkString


class PathEndpoint(Endpoint):
    """An endpoint with a `path`; it may be given with NUL or with ``@``."""

    def __init__(self, reactor: Any = None, **options: Any) -> None:
        given = options.get("path")
        if given is not None:
            given = checkString(given, "path")
            given = "@" + given[1:] if given.startswith("\0") else given
            options["path"] = SOCKET_PATH.parse(given, "path")
        super().__init__(reactor, **options)

    def _only(self, names: Collection[str]) -> dict[str, Any]:
        options = super()._only(names)
        if options.get("path", "").startswith("@"):
            options["path"] = "\0" + options["path"][1:]
        return options
