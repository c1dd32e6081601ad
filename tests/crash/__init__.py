"""Crashes, aborts, moved partitions and repeated records: the visible results stay the same."""
