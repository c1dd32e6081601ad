"""Recorded logs folded again by the present code: the first command that is another than the one
that went out, and why.

`verify` asks whether the engine did what its code says; this asks whether a changed code says what
the engine did.
"""
