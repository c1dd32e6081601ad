"""The command, as the tests of commands run it."""

from tests.streams.cli.conftest import bare, touchstream

__all__ = ["bare", "touchstream"]
