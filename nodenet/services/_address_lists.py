"""Whom a service lets in: nobody of the block lists and, where there are allow lists, nobody else
than who stands in one.

Law: lists are read all or not at all; an error in one of them leaves those that were in force.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from nodenet.addresses import BLOCKS, BlockList
from nodenet.options import checkString
from nodenet.services._given import listOf


class AddressLists:
    """Block lists and allow lists, as they were given and as they were read last.

    Args:
        block: Lists of those who are not let in: entries between commas, or ``@FILE``.
        allow: Lists of those who are; without any it is everybody else.

    Raises:
        ERR_INVALID_ARG_TYPE: One is no text.
        ValueError: A list cannot be read; says which one and, of a file, the line.
    """

    def __init__(self, block: Iterable[str] = (), allow: Iterable[str] = ()) -> None:
        self._written = {
            "block": [_absolute(checkString(text, "block")) for text in listOf(block, "block")],
            "allow": [_absolute(checkString(text, "allow")) for text in listOf(allow, "allow")],
        }
        self._block: list[BlockList] = []
        self._allow: list[BlockList] = []
        self.readAgain()

    def readAgain(self) -> None:
        """Read the files again.

        Raises:
            ValueError: As at construction; nothing has changed then.
        """
        read = {
            kind: [BLOCKS.parse(text, kind) for text in texts]
            for kind, texts in self._written.items()
        }
        self._block, self._allow = read["block"], read["allow"]

    def admits(self, address: str | None) -> bool:
        """Whether a peer with this address is let in; a peer without one, a Unix socket's, is."""
        if address is None:
            return True
        family = "ipv6" if ":" in address else "ipv4"
        if any(listed.check(address, family) for listed in self._block):
            return False
        return not self._allow or any(listed.check(address, family) for listed in self._allow)


def _absolute(text: str) -> str:
    """A file is the one that was meant, wherever the process goes."""
    return "@" + os.path.abspath(text[1:]) if text.startswith("@") else text
