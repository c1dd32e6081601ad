"""Tests of verify, replay and the history of a contact."""
