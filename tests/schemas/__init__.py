"""What the schemas accept, refuse and write."""
