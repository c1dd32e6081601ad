"""Replay: folds recorded logs with the current code, and finds the first output that differs from
the recorded one, with its cause.

`verify` checks that the engine did what its code does. A replay checks that changed code would do
what the engine did.
"""
