"""What the tests of an application on nodenet need.

Law: nothing here changes how nodenet behaves; it only looks.
"""

from __future__ import annotations

from nodenet.testing.guard import Guard

__all__ = ["Guard"]
