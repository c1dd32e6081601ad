"""Settings and clock."""
