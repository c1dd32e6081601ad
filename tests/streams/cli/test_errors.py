"""The table of errors names classes that exist, and every message has a place for the error."""

from importlib import import_module

import pytest

from streams.cli.errors import ERRORS, EXIT_NO, EXIT_UNREACHABLE, EXIT_USAGE


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_of_the_table_is_an_exception_that_exists(name: str) -> None:
    module, _, class_name = name.rpartition(".")
    error = getattr(import_module(module), class_name)
    assert issubclass(error, Exception)
    # The table needs the module that defines the class, not one that imports it.
    assert f"{error.__module__}.{error.__qualname__}" == name


def test_every_message_contains_the_error() -> None:
    assert [message for _, message in ERRORS.values() if message.count("{}") != 1] == []
    assert {code for code, _ in ERRORS.values()} <= {EXIT_NO, EXIT_USAGE, EXIT_UNREACHABLE}
