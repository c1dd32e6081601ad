"""Broken on purpose: whatever dies, aborts, moves or comes twice, the world sees the same."""
