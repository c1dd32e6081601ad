"""The words: every event, command and state, and how each is written in bytes."""
