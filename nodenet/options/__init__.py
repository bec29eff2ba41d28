"""Options: how they are declared, checked, read and written.

Law: no option is named in two places; `declare` says how each is declared once.
"""

from __future__ import annotations

from nodenet.options.checks import (
    checkAbortSignal,
    checkArray,
    checkBoolean,
    checkBuffer,
    checkFunction,
    checkInt32,
    checkInteger,
    checkNumber,
    checkObject,
    checkOneOf,
    checkPort,
    checkString,
    checkUint32,
    toNumber,
)
from nodenet.options.declare import (
    Option,
    Reference,
    applyOptions,
    declarations,
    reference,
    resolve,
)
from nodenet.options.spelling import (
    BOOLEAN,
    HOST,
    MODE,
    NATURAL,
    NUMBER,
    PORT,
    SOCKET_PATH,
    TEXT,
    Spelling,
    booleanOr,
    choice,
    flags,
)

__all__ = [
    "BOOLEAN",
    "HOST",
    "MODE",
    "NATURAL",
    "NUMBER",
    "PORT",
    "SOCKET_PATH",
    "TEXT",
    "Option",
    "Reference",
    "Spelling",
    "applyOptions",
    "booleanOr",
    "checkAbortSignal",
    "checkArray",
    "checkBoolean",
    "checkBuffer",
    "checkFunction",
    "checkInt32",
    "checkInteger",
    "checkNumber",
    "checkObject",
    "checkOneOf",
    "checkPort",
    "checkString",
    "checkUint32",
    "choice",
    "declarations",
    "flags",
    "reference",
    "resolve",
    "toNumber",
]
