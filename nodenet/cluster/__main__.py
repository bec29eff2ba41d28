"""Runs ``module:callable`` as a worker's program: ``python -m nodenet.cluster module:callable``.

Law: what it returns is awaited, and the program ends by Node's rule; see :func:`nodenet.run`.
"""

from __future__ import annotations

import sys
from pkgutil import resolve_name

from nodenet import run


def main() -> None:
    """Call what the first argument names, without arguments; it finds the others in `sys.argv`."""
    name = sys.argv.pop(1)
    run(resolve_name(name))


if __name__ == "__main__":
    main()
