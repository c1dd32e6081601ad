"""Rules that several processors share."""
