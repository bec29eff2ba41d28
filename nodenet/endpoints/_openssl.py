"""What OpenSSL has to say, in words.

Law: pyOpenSSL is not imported here; its errors are known by what they hold.
"""

from __future__ import annotations


def reasonOf(error: BaseException) -> str:
    """Return what went wrong, on one line.

    Args:
        error: One of OpenSSL's, or any other.
    """
    return _cause(error) or " ".join(str(error).split()) or type(error).__name__


def codeOf(error: BaseException) -> str:
    """Return the code of an error: its own, or the one that Node has for OpenSSL's, or its class.

    Args:
        error: Any error.
    """
    cause = _cause(error)
    made = None if cause is None else "ERR_SSL_" + "_".join(cause.upper().split())
    return str(getattr(error, "code", None) or made or type(error).__name__)


def _cause(error: BaseException) -> str | None:
    """What OpenSSL says: it has a list of what went wrong where, the cause last."""
    found = error.args[0] if error.args else None
    if not isinstance(found, list) or not found or not isinstance(found[-1], tuple):
        return None
    return str(found[-1][-1]) or None
