"""Send windows and deduplication."""
