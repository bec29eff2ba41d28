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
    fromStrings,
    reference,
    resolve,
    toStrings,
)
from nodenet.options.spelling import BOOLEAN, NUMBER, TEXT, Spelling

__all__ = [
    "BOOLEAN",
    "NUMBER",
    "TEXT",
    "Option",
    "Reference",
    "Spelling",
    "applyOptions",
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
    "declarations",
    "fromStrings",
    "reference",
    "resolve",
    "toNumber",
    "toStrings",
]
