"""Audit: folds the logs of a running or recorded engine again, and compares the results."""
