"""What OpenSSL has to say, in words.

Law: pyOpenSSL is not imported here; its errors are known by what they hold.
"""

from __future__ import annotations


def reasonOf(error: BaseException) -> str:
    """Return what went wrong, on one line.

    Args:
        error: One of OpenSSL's, which hold a list of what went wrong where, the cause last; or
            any other.
    """
    found = error.args[0] if error.args else None
    if isinstance(found, list) and found and isinstance(found[-1], tuple):
        return str(found[-1][-1])
    return str(error) or type(error).__name__
