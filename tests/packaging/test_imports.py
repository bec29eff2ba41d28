"""What an import of nodenet does to a process: as little as possible."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import nodenet

ALL = """
import importlib, pkgutil, sys
import nodenet
for module in pkgutil.walk_packages(nodenet.__path__, "nodenet."):
    importlib.import_module(module.name)
    if "twisted.internet.reactor" in sys.modules:
        sys.exit(f"{module.name} imports the reactor")
"""


def test_no_module_imports_the_reactor() -> None:
    done = subprocess.run([sys.executable, "-c", ALL], check=False, capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_version_is_that_of_the_distribution() -> None:
    assert nodenet.__version__ == importlib.metadata.version("nodenet")
