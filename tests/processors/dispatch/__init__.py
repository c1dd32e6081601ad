"""Decisions of the dispatch processor."""
