"""Configuration of the documentation; ``tox -e docs`` builds it."""

from __future__ import annotations

import sys
from pathlib import Path

import nodenet

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "nodenet"
author = "nodenet contributors"
copyright = "nodenet contributors"
release = nodenet.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "nodenet_tables"]
exclude_patterns = ["_build"]
default_role = "code"
highlight_language = "python"

# The order of the source is the order in which a class is best read.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
# "Returns: False when it is full: wait" is one sentence, and types are in the signature.
napoleon_use_rtype = False
python_use_unqualified_type_names = True

# Annotations name builtins (`type`) that some classes have as a property too.
suppress_warnings = ["ref.python"]

html_theme = "alabaster"
html_static_path = ["_static"]  # alabaster takes its custom.css
html_theme_options = {
    "description": "The sockets of Node.js for Twisted",
    "show_powered_by": False,
    "page_width": "1240px",
    "body_max_width": "980px",
}
