"""Decisions of the contact processor."""
