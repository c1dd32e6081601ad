"""The fold that all processors share: the task, its state store, and the turn of a processor."""
