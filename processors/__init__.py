"""The decisions: pure folds over one log, without a clock, I/O or chance."""
