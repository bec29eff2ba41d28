"""Every way to install nodenet puts the plugin where twistd finds it, and leaves no trace."""

from __future__ import annotations

import shutil
import subprocess
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("nodenet", "twisted", "setup.cfg", "pyproject.toml", "README.rst", "LICENSE")

# Prints what differs between Twisted's files and what its wheel recorded of them.
DAMAGE = """
import base64, hashlib, importlib.metadata
for file in importlib.metadata.distribution("twisted").files:
    if file.hash and file.name != "INSTALLER":
        digest = hashlib.new(file.hash.mode, file.locate().read_bytes()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            print(file)
"""

TYPED = """
import importlib.resources
print(importlib.resources.files("nodenet").joinpath("py.typed").is_file())
"""

VERSION = """
import importlib.metadata, nodenet
print(nodenet.__version__ == importlib.metadata.version("nodenet"))
"""


class Environment:
    """A virtual environment; its commands run away from the sources."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        venv.create(directory / "venv", with_pip=True)
        self.run("pip", "install", "--quiet", "Twisted")

    def run(self, command: str, *args: object) -> str:
        """Run one of its scripts, which has to succeed.

        :returns: what it printed.
        """
        program = self._directory / "venv/bin" / command
        done = subprocess.run(
            [program, *map(str, args)],
            cwd=self._directory,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def twistd_commands(self) -> set[str]:
        """The names that ``twistd --help`` lists."""
        listed = self.run("twistd", "--help").partition("Commands:")[2]
        return {line.split()[0] for line in listed.splitlines() if line.startswith("    ")}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources: an installation writes into the tree it installs from."""
    copy = tmp_path / "sources"
    copy.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "dropin.cache")
    for name in SOURCES:
        original = REPOSITORY / name
        if original.is_dir():
            shutil.copytree(original, copy / name, ignore=ignored)
        else:
            shutil.copy(original, copy)
    return copy


@pytest.mark.parametrize("way", ["plain", "editable", "wheel"])
def test_an_installed_nodenet_is_found_by_twistd_and_leaves_no_trace(
    way: str, environment: Environment, sources: Path, tmp_path: Path
) -> None:
    before = environment.twistd_commands()

    if way == "wheel":
        environment.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, sources)
        [wheel] = tmp_path.glob("nodenet-*.whl")
        environment.run("pip", "install", "--quiet", wheel)
    else:
        editable = ["--editable"] if way == "editable" else []
        environment.run("pip", "install", "--quiet", *editable, sources)

    assert environment.twistd_commands() == before | {"nodenet"}
    assert "echo" in environment.run("twistd", "nodenet", "--help")
    assert environment.run("python", "-c", TYPED) == "True\n"
    assert environment.run("python", "-c", VERSION) == "True\n"

    environment.run("pip", "uninstall", "--quiet", "--yes", "nodenet")
    assert environment.twistd_commands() == before
    assert environment.run("python", "-c", DAMAGE) == ""
    environment.run("pip", "check")
