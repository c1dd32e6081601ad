"""Formats that only the engine reads and writes: topics, messages, states and facts."""
