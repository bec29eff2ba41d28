"""What twistd makes of a service that cannot start depends on the exception's classes."""

from __future__ import annotations

import traceback

import pytest

from nodenet.services import CannotStart


def test_twistd_reports_it_to_whoever_daemonised() -> None:
    assert isinstance(CannotStart("port taken"), Exception)
    line = traceback.format_exception_only(CannotStart("port taken"))[-1].strip()
    assert line.endswith("CannotStart: port taken")


def test_python_ends_with_status_1_and_no_traceback() -> None:
    with pytest.raises(SystemExit) as raised:
        raise CannotStart("port taken")
    assert raised.value.code == 1
