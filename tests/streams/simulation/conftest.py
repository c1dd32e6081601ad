"""Fixtures that run commands."""

from tests.testing.command_line import clean_environment, touchstream

__all__ = ["clean_environment", "touchstream"]
