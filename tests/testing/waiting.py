"""How long the tests wait for an engine."""

WAIT_TIMEOUT_S = 120.0
"""The longest wait of a test: a loaded machine needs much of it, and a passing test little."""
