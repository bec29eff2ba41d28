"""How endpoint strings write a `BlockList`.

Law: ``parse(format(blocks), name)`` has the rules of `blocks`, in their order.

It is written as entries between commas, each an address, a range ``FIRST-LAST`` or a subnet
``ADDRESS/PREFIX``; or as ``@FILE``, a regular file with one entry a line, in which ``#`` begins a
remark.
"""

from __future__ import annotations

import os
import stat
from errno import ENXIO
from typing import Final

from nodenet.addresses.block_list import BlockList
from nodenet.errors import NodeError
from nodenet.options import Spelling

_NOT_REGULAR: Final = "it is no regular file"  # a socket cannot even be opened: ENXIO


class WrittenBlockList(BlockList):
    """A block list that knows how it was written, and equals any with the same rules."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BlockList) and self.rules == other.rules

    def __hash__(self) -> int:
        return hash(tuple(self.rules))


def _parse(text: str, name: str) -> BlockList:
    blocks = WrittenBlockList(text)
    entries = _lines(text[1:]) if text.startswith("@") else [("", one) for one in text.split(",")]
    for place, entry in entries:
        try:
            _add(blocks, entry.strip())
        except (NodeError, ValueError) as error:
            reason = f"{place}{name} must hold addresses, ranges A-B or subnets A/N"
            raise ValueError(f"{reason}: {error}") from None
    return blocks


def _lines(path: str) -> list[tuple[str, str]]:
    """The entries of a file, each with its place."""
    try:
        with open(path, encoding="utf-8", opener=_open_regular) as file:
            lines = file.read().splitlines()
    except OSError as error:
        reason = _NOT_REGULAR if error.errno == ENXIO else error.strerror
        raise ValueError(f"cannot read {path}: {reason}") from None
    except UnicodeDecodeError:
        raise ValueError(f"cannot read {path}: it is no UTF-8 text") from None
    entries = ((number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1))
    return [(f"{path}:{number}: ", entry) for number, entry in entries if entry]


def _open_regular(path: str, flags: int) -> int:
    """Open a file that has an end: a pipe would be waited for, and a device may go on for ever."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(0, _NOT_REGULAR)


def _add(blocks: BlockList, entry: str) -> None:
    family = "ipv6" if ":" in entry else "ipv4"
    first, dash, last = entry.partition("-")
    if dash:
        blocks.addRange(first, last, family)
    elif "/" in entry:
        blocks.addCIDR(entry)
    elif entry:
        blocks.addAddress(entry, family)
    else:
        raise ValueError("an entry is empty")


def _format(blocks: BlockList) -> str:
    if isinstance(blocks, WrittenBlockList):
        return blocks.text
    # A rule reads ``Subnet: IPv4 10.0.0.0/8``; the latest comes first.
    return ",".join(rule.rpartition(" ")[2] for rule in reversed(blocks.rules))


BLOCKS: Final = Spelling(_parse, _format)
