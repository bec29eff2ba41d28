"""The error codes: what each is to a Python program."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable

import pytest

from nodenet import errors
from nodenet.errors import NodeError, SystemErrorInfo, codes

INFO = SystemErrorInfo(22, "EINVAL", "invalid argument", "uv_recv_buffer_size")
SAMPLES = {"names": ("a", "b"), "expected": "string", "port": 70000, "info": INFO}


def sample(code: str) -> NodeError:
    """One error of a class, with arguments that are made up."""
    kind = getattr(codes, code)
    values: list[object] = []
    for parameter in inspect.signature(kind).parameters.values():
        given = SAMPLES.get(parameter.name, "x")
        values += given if parameter.name == "names" and isinstance(given, tuple) else [given]
    error = kind(*values)
    assert isinstance(error, NodeError)
    return error


ALL = [name for name in codes.__all__ if name.startswith("ERR_")]


def test_every_code_is_exported() -> None:
    defined = {name for name in vars(codes) if name.startswith("ERR_")}
    assert defined == set(ALL)
    assert set(codes.__all__) <= set(errors.__all__)


@pytest.mark.parametrize("code", ALL)
def test_an_error_knows_its_code_and_says_its_message(code: str) -> None:
    error = sample(code)
    assert error.code == code
    assert str(error) == error.message
    assert code in repr(error)


@pytest.mark.parametrize("copied", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("code", ALL)
def test_a_copy_has_every_attribute(code: str, copied: Callable[[NodeError], NodeError]) -> None:
    error = sample(code)
    other = copied(error)
    assert type(other) is type(error)
    assert vars(other) == vars(error)
    assert (other.code, other.name, str(other)) == (error.code, error.name, str(error))


@pytest.mark.parametrize("code", ALL)
def test_the_name_says_what_a_python_program_catches(code: str) -> None:
    error = sample(code)
    caught = {"TypeError": TypeError, "RangeError": ValueError}.get(error.name, Exception)
    assert isinstance(error, caught)
    if error.name == "Error":
        assert not isinstance(error, TypeError | ValueError)


def test_a_buffer_size_error_says_what_the_system_said() -> None:
    error = errors.ERR_SOCKET_BUFFER_SIZE(INFO)
    assert error.name == "SystemError"
    assert (error.info, error.errno, error.syscall) == (INFO, 22, "uv_recv_buffer_size")


class Foo:
    def method(self) -> None: ...


def named() -> None: ...


@pytest.mark.parametrize(
    ("value", "description"),
    [
        (None, "None"),
        (5, "type int (5)"),
        (1.5, "type float (1.5)"),
        (True, "type bool (True)"),
        ("abc", "type str ('abc')"),
        ("it's", 'type str ("it\'s")'),
        ("x" * 28, f"type str ('{'x' * 28}')"),
        ("x" * 29, f"type str ('{'x' * 25}...')"),
        (b"abc", "an instance of bytes"),
        ([1], "an instance of list"),
        ({}, "an instance of dict"),
        (Foo(), "an instance of Foo"),
        (Foo, "function Foo"),
        (named, "function named"),
        (Foo().method, "function method"),
        (len, "function len"),
    ],
)
def test_received_describes_the_value_in_pythons_terms(value: object, description: str) -> None:
    error = errors.ERR_INVALID_ARG_TYPE("x", "string", value)
    assert error.message == f'The "x" argument must be of type string. Received {description}'


def test_a_long_value_is_cut() -> None:
    error = errors.ERR_INVALID_ARG_VALUE("x", "y" * 200)
    assert error.message == f"The argument 'x' is invalid. Received '{'y' * 127}..."


@pytest.mark.parametrize(
    ("number", "shown"),
    [(300, "300"), (2**32, "4294967296"), (-(2**32) - 1, "-4_294_967_297"), (1.5, "1.5")],
)
def test_large_integers_are_readable(number: float, shown: str) -> None:
    error = errors.ERR_OUT_OF_RANGE("x", ">= 0", number)
    assert error.message == f'The value of "x" is out of range. It must be >= 0. Received {shown}'


def test_a_returned_value_is_described() -> None:
    error = errors.ERR_INVALID_RETURN_VALUE("a stream", "generate", 5)
    assert error.message == (
        'Expected a stream to be returned from the "generate" function but got type int (5).'
    )


def test_an_integer_that_python_does_not_write_in_decimals_is_described() -> None:
    number = -(10**5000)
    for error in (
        codes.ERR_OUT_OF_RANGE("x", ">= 0", number),
        codes.ERR_INVALID_ARG_TYPE("x", "string", number),
        codes.ERR_INVALID_ARG_VALUE("x", number),
        codes.ERR_SOCKET_BAD_PORT("Port", number),
    ):
        assert "-0x" in str(error)
        assert str(error).endswith(("...", "...)", "...)."))
