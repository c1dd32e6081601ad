"""Checks of a running or recorded engine: every log is folded again and compared."""
