"""The task and its state store."""
