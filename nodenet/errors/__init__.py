"""Every error of nodenet, once.

Law: whatever goes wrong, the user gets Node's ``code`` and ``message`` in an exception that
Python and Twisted programs already know how to catch.

- `nodenet.errors.codes`: the ``ERR_…`` classes, one for each code
- `nodenet.errors.system`: ``ECONNREFUSED`` and the like, and failed look-ups
- `nodenet.errors.table`: what there is to know about each of those
- `nodenet.errors.aborts`, `nodenet.errors.aggregate`: aborted operations, several errors at once
- `nodenet.errors.foreign`: what an exception of Twisted or Python is in Node's terms
- `nodenet.errors.warnings`: what is worth saying and does not stop anything
"""

from __future__ import annotations

from nodenet.errors import codes
from nodenet.errors.aborts import AbortError, DOMException
from nodenet.errors.aggregate import AggregateError
from nodenet.errors.base import NodeError
from nodenet.errors.codes import *  # noqa: F403 - its __all__ lists every code
from nodenet.errors.foreign import translate
from nodenet.errors.system import (
    HostLookupError,
    SystemCallError,
    lookupError,
    systemError,
    systemErrorInfo,
)
from nodenet.errors.warnings import (
    MaxListenersExceededWarning,
    NodeWarning,
    TimeoutNegativeWarning,
    TimeoutOverflowWarning,
    emitWarning,
)

__all__ = [
    "AbortError",
    "AggregateError",
    "DOMException",
    "HostLookupError",
    "MaxListenersExceededWarning",
    "NodeError",
    "NodeWarning",
    "SystemCallError",
    "TimeoutNegativeWarning",
    "TimeoutOverflowWarning",
    "emitWarning",
    "lookupError",
    "systemError",
    "systemErrorInfo",
    "translate",
]
__all__ += codes.__all__
