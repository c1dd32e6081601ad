"""Refolding, comparing and replaying."""
