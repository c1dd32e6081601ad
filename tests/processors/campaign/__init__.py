"""Decisions of the campaign processor."""
