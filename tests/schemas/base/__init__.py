"""Times, zones and other field types."""
